/** Files that are damaged, lost, or put back to an older copy while their process is down; and the copies that tell what was in them. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { harmedFolder } from './evidence.ts';
import { below, noise } from './fuzz-inputs.ts';
import { createRandom, type Random } from './random.ts';
import type { System } from './system.ts';

/** Harms the buffer in a folder. Returns what it did. */
export type Harm = (folder: string, random: Random) => string;

const pageBytes = 4096;
const dbOf = (folder: string) => join(folder, 'buffer.db');
const logOf = (folder: string) => join(folder, 'buffer.db-wal');

/** All of it in the file itself, as after a pause: until then the log would replace what is harmed. */
function emptyLog(folder: string): void {
  const db = new Database(dbOf(folder));
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
}

/** Not the first page, whose loss is noticed at once. */
export const spoilPage: Harm = (folder, random) => {
  emptyLog(folder);
  const bytes = readFileSync(dbOf(folder));
  const page = 1 + below(Math.floor(bytes.length / pageBytes) - 1, random);
  noise(pageBytes, random).copy(bytes, page * pageBytes);
  writeFileSync(dbOf(folder), bytes);
  return `page ${page} of ${bytes.length / pageBytes} is noise`;
};

export const flipBits: Harm = (folder, random) => {
  emptyLog(folder);
  const bytes = readFileSync(dbOf(folder));
  const flips = 50;
  for (let i = 0; i < flips; i++) bytes[below(bytes.length, random)]! ^= 1 << below(8, random);
  writeFileSync(dbOf(folder), bytes);
  return `${flips} bits of ${bytes.length} bytes are flipped`;
};

export const cutOff: Harm = (folder, random) => {
  emptyLog(folder);
  const { size } = statSync(dbOf(folder));
  const rest = below(size, random);
  truncateSync(dbOf(folder), rest);
  return `cut off after ${rest} of ${size} bytes`;
};

export const loseLog: Harm = (folder) => {
  const bytes = existsSync(logOf(folder)) ? statSync(logOf(folder)).size : 0;
  rmSync(logOf(folder), { force: true });
  return `the log of ${bytes} bytes is gone`;
};

export const halveLog: Harm = (folder) => {
  const { size } = statSync(logOf(folder));
  truncateSync(logOf(folder), Math.floor(size / 2));
  return `half of the log's ${size} bytes is gone`;
};

/** One after the other: a backlog gathers, the agent is killed, copied and harmed, and has to go on. */
export async function harmBuffers(
  system: System,
  dir: string,
  progress: (text: string) => void,
  harms: readonly Harm[],
): Promise<{ broken: string[]; earlier: Map<string, string[]> }> {
  const random = createRandom(harms.length);
  const earlier = new Map<string, string[]>();
  const broken: string[] = [];
  for (const [i, harm] of harms.entries()) {
    const { part, dataDir } = system.agents[i % system.agents.length]!;
    const link = system.links.get(`${part.name}-broker`)!;
    await delay(3000);
    link.inflict({ kind: 'cut' });
    await delay(4000);
    await part.kill();
    const folder = join(dataDir, 'buffer');
    const copy = join(dir, 'before', `${part.name}-${i}`);
    cpSync(folder, copy, { recursive: true });
    earlier.set(part.name, [...(earlier.get(part.name) ?? []), copy]);
    progress(`${part.name}: ${harm(folder, random)}`);
    // What can still be read of it must reach the hub.
    mkdirSync(join(copy, harmedFolder));
    for (const file of [dbOf(folder), logOf(folder)])
      if (existsSync(file)) cpSync(file, join(copy, harmedFolder, basename(file)));
    await part.start();
    link.heal();
    await delay(6000);
    if (!part.running) broken.push(`${part.name} does not run on what was left`);
  }
  return { broken, earlier };
}

/** Copies what the hub keeps, goes on, and puts the copy back. */
export async function restore(system: System, dir: string, what: 'store' | 'ledger'): Promise<{ broken: string[] }> {
  const store = system.parts.find(({ name }) => name === 'store');
  const copy = join(dir, 'older');
  const files =
    what === 'ledger'
      ? ['ledger.db', 'ledger.db-wal', 'ledger.db-shm'].map((name) => join(system.hubDir, name))
      : [store ? join(dir, 'influxdb') : join(system.hubDir, 'samples')];
  /** What is copied or put back is not in use. */
  const atRest = async (work: () => void) => {
    await system.hub.stop(10_000);
    if (what === 'store') await store?.stop(10_000);
    work();
    if (what === 'store') await store?.start();
    await system.hub.start();
  };
  await delay(6000);
  await atRest(() => {
    for (const file of files) if (existsSync(file)) cpSync(file, join(copy, file), { recursive: true });
  });
  await delay(10_000);
  await atRest(() => {
    for (const file of files) {
      rmSync(file, { recursive: true, force: true });
      if (existsSync(join(copy, file))) cpSync(join(copy, file), file, { recursive: true });
    }
  });
  await delay(10_000);
  return { broken: [] };
}
