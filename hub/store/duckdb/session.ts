/**
 * One life of DuckDB in this process: an instance in memory to which segment files are attached. It is closed and
 * opened anew after any error, because an instance that met a full disk stays invalid.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface SessionOptions {
  readonly dir: string;
  readonly memoryLimitMb: number;
  readonly threads: number;
}

export interface Session {
  /** For the one who holds the writer's place; never used by reads. */
  readonly writer: DuckDBConnection;
  /** Lends a connection; what runs on it is interrupted when the signal aborts, and rejects with its reason. */
  read<T>(work: (connection: DuckDBConnection) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Makes running reads end soon with an error. */
  interruptReads(): void;
  /** Only when nothing runs on it any more. */
  close(): void;
}

export async function openSession({ dir, memoryLimitMb, threads }: SessionOptions): Promise<Session> {
  const spill = join(dir, 'spill');
  await rm(spill, { recursive: true, force: true });
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: `${memoryLimitMb}MB`,
    threads: String(Math.min(threads, 2)),
    temp_directory: spill,
    max_temp_directory_size: '1GB',
    // Only `checkpoint` in guard.ts merges a log: not a commit, and not the end of a session.
    checkpoint_threshold: '1TB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const writer = await instance.connect();
  await writer.run('PRAGMA disable_checkpoint_on_shutdown');
  const idle: DuckDBConnection[] = [];
  const busy = new Set<DuckDBConnection>();

  async function read<T>(work: (connection: DuckDBConnection) => Promise<T>, signal: AbortSignal): Promise<T> {
    const connection = idle.pop() ?? (await instance.connect());
    busy.add(connection);
    const interrupt = () => connection.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      signal.throwIfAborted();
      return await work(connection);
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', interrupt);
      busy.delete(connection);
      idle.push(connection);
    }
  }

  return {
    writer,
    read,
    interruptReads: () => {
      for (const connection of busy) connection.interrupt();
    },
    close: () => {
      for (const connection of [writer, ...idle]) connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A string literal of DuckDB's SQL. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
