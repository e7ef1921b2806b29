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
const gigabyte = 1024 ** 3;

export const diskCheck = (dataDir: string, maxBytes: number): Check => ({
  name: 'data folder',
  timeoutMs: 30_000,
  async run(signal) {
    const folder = await stat(dataDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!folder) return [await findMissing(dataDir)];
    if (!folder.isDirectory())
      return [bad(`${dataDir} is not a folder`, 'Name a folder as dataDir in the configuration.')];
    const unwritable = await findUnwritable(dataDir);
    if (unwritable) return [unwritable];
    return [good(`${dataDir} can be written`), await findRoom(dataDir, maxBytes), await findSpeed(dataDir, signal)];
  },
});

/** The agent makes it at its first start; made here, it would belong to whoever runs the doctor. */
async function findMissing(dataDir: string): Promise<Finding> {
  let parent = dirname(dataDir);
  while (parent !== dirname(parent) && !(await exists(parent))) parent = dirname(parent);
  try {
    await access(parent, constants.W_OK);
    return note(`${dataDir} is not there yet: the agent makes it at its first start`);
  } catch {
    return bad(
      `${dataDir} is not there, and ${parent} cannot be written`,
      `Make it for the agent's user: sudo install -d -o payesh -m 700 ${dataDir}`,
    );
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
    if (code === 'ENOSPC')
      return bad(`the disk of ${dataDir} is full`, 'See what takes the room: df -h, du -xhd1 /var');
    if (code === 'EROFS') {
      return bad(
        `${dataDir} lies on a disk that can only be read`,
        'A flash card that is worn out turns itself read-only: see dmesg, and replace it.',
      );
    }
    return bad(
      `${dataDir} cannot be written: ${message}`,
      `Give it to the agent's user: sudo chown -R payesh ${dataDir}`,
      'Or run the doctor as that user: sudo -u payesh payesh-agent doctor …',
    );
  } finally {
    await rm(file, { force: true }).catch(() => {});
  }
}

async function findRoom(dataDir: string, maxBytes: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir);
  const used = await usedBytes(join(dataDir, 'buffer'));
  const free = bavail * bsize;
  const gb = (bytes: number) => `${(bytes / gigabyte).toFixed(1)} GB`;
  if (free + used >= maxBytes) return good(`${gb(free)} free; the buffer may take ${gb(maxBytes)}`);
  return warning(
    `only ${gb(free)} free, but the buffer may take ${gb(maxBytes)}: the disk would be full before`,
    'Make room: journalctl --vacuum-size=200M, df -h',
    'Or set buffer.maxBytes to what the disk bears.',
  );
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
    const text = `making a block durable takes ${median.toFixed(1)} ms (median of ${times.length})`;
    if (median <= slowFsyncMs) return good(text);
    return warning(
      `${text}, more than ${slowFsyncMs} ms`,
      'SD cards and USB sticks are often this slow, and wear out: use an SSD, or an industrial card.',
      'Until then a longer acceptance.intervalMs writes less often.',
    );
  } finally {
    await rm(file, { force: true });
  }
}
