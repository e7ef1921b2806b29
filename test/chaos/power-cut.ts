/**
 * Power cuts, replayed: the writes and syncs of a real program are recorded, and the disk is made anew as it could be
 * after a cut at any point. Every state is opened with the real program's own code: what it had said to be safe must be
 * there and unchanged.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRandom } from './random.ts';
import { readCalls, record } from './recorded-calls.ts';
import { createRecordedDisk } from './recorded-disk.ts';

/** A program that is cut off. */
export interface PowerCutSubject {
  /** Its file beside this one. Arguments: folder, seed, how much. It says on standard output what is safe. */
  readonly writer: string;
  readonly amount: number;
  /** What is wrong with what is found in a folder after these lines were said; undefined when nothing is. */
  examine(dir: string, said: readonly string[]): Promise<string | undefined>;
}

export interface PowerCutResult {
  readonly seed: number;
  readonly states: number;
  /** States in which something safe was gone or changed, or nothing could be opened. */
  readonly lost: number;
  readonly examples: readonly string[];
}

export interface PowerCutOptions {
  readonly root: string;
  readonly seed: number;
  readonly states: number;
  progress(text: string): void;
}

export async function replayPowerCuts(
  { writer, amount, examine }: PowerCutSubject,
  { root, seed, states, progress }: PowerCutOptions,
): Promise<PowerCutResult> {
  const dir = mkdtempSync(join(root, 'power-cut-'));
  try {
    const written = join(dir, 'written');
    mkdirSync(written);
    await record(join(dir, 'trace'), join(import.meta.dirname, writer), [written, `${seed}`, `${amount}`]);
    const calls = await readCalls(join(dir, 'trace'), written);
    progress(`${calls.length} calls recorded`);
    const random = createRandom(seed);
    const disk = createRecordedDisk();
    const said: string[] = [];
    const examples: string[] = [];
    let done = 0;
    let lost = 0;
    for (let state = 0; state < states; state++) {
      // At every point both ways of losing; by half just before the next sync, when there is the most to lose.
      let cut = 1 + Math.floor(((state >> 1) * calls.length) / Math.ceil(states / 2));
      if (state % 2 === 1) while (cut < calls.length && !calls[cut]!.kind.startsWith('sync')) cut++;
      for (; done < cut; done++) {
        const call = calls[done]!;
        if (call.kind === 'said') said.push(call.line);
        else disk.take(call);
      }
      const found = join(dir, 'state');
      layOut(found, disk.afterCut(state % 2 === 0 ? undefined : random));
      const what = await examine(found, said);
      if ((state + 1) % Math.ceil(states / 10) === 0) progress(`${state + 1} of ${states} states, ${lost} lost`);
      if (what === undefined) continue;
      lost += 1;
      if (examples.length < 5) {
        examples.push(`cut after ${done} of ${calls.length} calls, ${state % 2 ? 'half' : 'all'} lost: ${what}`);
      }
    }
    return { seed, states, lost, examples };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function layOut(dir: string, files: ReadonlyMap<string, Buffer>): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
}
