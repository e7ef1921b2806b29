/** Whether the data folder can keep what it must: writable, large enough, and fast enough at making things durable. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bad, type Check, type Finding, good, note, warning } from './check.ts';

const rounds = 50;
/** A page of SQLite. */
const blockBytes = 4096;
/** Each accepted frame costs one or two of these; above it a gateway with fast sources falls behind, and flash wears out. */
const slowFsyncMs = 20;

export const diskCheck = (dataDir: string, maxBytes: number): Check => ({
  name: (say) => say.names.data,
  timeoutMs: 30_000,
  async run(signal) {
    const folder = await stat(dataDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!folder) return [await findMissing(dataDir)];
    if (!folder.isDirectory()) return [bad((say) => say.noFolder(dataDir))];
    const unwritable = await findUnwritable(dataDir);
    if (unwritable) return [unwritable];
    return [
      good((say) => say.folderWritable(dataDir)),
      await findRoom(dataDir, maxBytes),
      await findSpeed(dataDir, signal),
    ];
  },
});

/** The agent makes it at its first start; made here, it would belong to whoever runs the doctor. */
async function findMissing(dataDir: string): Promise<Finding> {
  let parent = dirname(dataDir);
  while (parent !== dirname(parent) && !(await exists(parent))) parent = dirname(parent);
  try {
    await access(parent, constants.W_OK);
    return note((say) => say.folderMissing(dataDir));
  } catch {
    return bad((say) => say.folderCannotBeMade(dataDir, parent));
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function findUnwritable(dataDir: string): Promise<Finding | undefined> {
  const file = join(dataDir, `.doctor-${randomUUID()}`);
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.write('payesh');
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC') return bad((say) => say.diskFull(dataDir));
    if (code === 'EROFS') return bad((say) => say.diskReadOnly(dataDir));
    return bad((say) => say.folderUnwritable(dataDir, message));
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}

async function findRoom(dataDir: string, maxBytes: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir);
  const used = await usedBytes(join(dataDir, 'buffer'));
  const free = bavail * bsize;
  if (free + used >= maxBytes) return good((say) => say.room(free, maxBytes));
  return warning((say) => say.roomShort(free, maxBytes));
}

/** What the buffer takes already. */
async function usedBytes(folder: string): Promise<number> {
  const files = ['buffer.db', 'buffer.db-wal'].map((name) => stat(join(folder, name)).catch(() => undefined));
  return (await Promise.all(files)).reduce((sum, file) => sum + (file?.size ?? 0), 0);
}

async function findSpeed(dataDir: string, signal: AbortSignal): Promise<Finding> {
  const file = join(dataDir, `.doctor-${randomUUID()}`);
  try {
    await using handle = await open(file, 'wx', 0o600);
    const block = new Uint8Array(blockBytes);
    const times: number[] = [];
    for (let i = 0; i < rounds && !signal.aborted; i++) {
      const begin = performance.now();
      await handle.write(block, 0, blockBytes, i * blockBytes);
      await handle.sync();
      times.push(performance.now() - begin);
    }
    times.sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)]!;
    if (median <= slowFsyncMs) return good((say) => say.fsync(median, times.length));
    return warning((say) => say.fsyncSlow(median, times.length, slowFsyncMs));
  } finally {
    await rm(file, { force: true });
  }
}
