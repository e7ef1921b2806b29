/** A small DuckDB of its own for one Parquet file: it spills beside that file, and touches neither the store nor the network. */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

const memoryLimitMb = 128;

export interface Scratch extends Disposable {
  readonly connection: DuckDBConnection;
}

/** @param database a file, or `:memory:` with a folder to spill to. What runs ends with an error when the signal aborts. */
export async function openScratch(database: string, signal: AbortSignal, spillTo?: string): Promise<Scratch> {
  const instance = await DuckDBInstance.create(database, {
    memory_limit: `${memoryLimitMb}MB`,
    threads: '1',
    preserve_insertion_order: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(spillTo !== undefined && { temp_directory: spillTo }),
  });
  const connection = await instance.connect();
  const interrupt = () => connection.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  return {
    connection,
    [Symbol.dispose]() {
      signal.removeEventListener('abort', interrupt);
      connection.closeSync();
      instance.closeSync();
    },
  };
}
