/** Throws mutated messages and garbage at decoders: none may crash, hang, or keep memory. Repeatable from the seed. */
import { setImmediate as breathe } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FuzzTarget } from './fuzz-targets.ts';
import { createRandom } from './random.ts';

export interface FuzzOptions {
  readonly targets: readonly FuzzTarget[];
  /** Of each. */
  readonly inputs: number;
  readonly seed: number;
  progress(text: string): void;
}

export interface FuzzReport {
  readonly inputs: number;
  /** How often each thing came of it: shows that the inputs get past the door. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Longest call, ms. */
  readonly slowestMs: number;
  /** Memory in use at the end, less that after a tenth, MB. */
  readonly grownMb: number;
  /** What is broken, each with an input that shows it, in base64. */
  readonly broken: readonly string[];
}

const maxCallMs = 100;
/** What is kept of each input shows after a million; less than this comes and goes by itself. */
const maxGrownMb = 32;
const maxExamples = 5;
const breatheEvery = 4096;

export async function fuzz({ targets, inputs, seed, progress }: FuzzOptions): Promise<Record<string, FuzzReport>> {
  const reports: Record<string, FuzzReport> = {};
  for (const target of targets) {
    progress(`${target.name}: ${inputs} inputs`);
    reports[target.name] = await fuzzOne(target, inputs, seed);
  }
  return reports;
}

async function fuzzOne(target: FuzzTarget, inputs: number, seed: number): Promise<FuzzReport> {
  const random = createRandom(seed);
  const outcomes: Record<string, number> = {};
  const broken: string[] = [];
  let slowestMs = 0;
  let usedAtTenth = 0;
  const complain = (what: string, input: Buffer) => {
    if (broken.length < maxExamples) broken.push(`${target.name}: ${what}; input ${input.toString('base64')}`);
  };
  for (let i = 1; i <= inputs; i++) {
    const input = target.input(random);
    const tookMs = time(() => {
      try {
        const outcome = target.decode(input);
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      } catch (error) {
        complain(`crashes: ${error}`, input);
      }
    });
    slowestMs = Math.max(slowestMs, tookMs);
    // A machine that was busy elsewhere is not the decoder's fault: slow is what is slow every time.
    if (tookMs > maxCallMs && quickestOf(3, target, input) > maxCallMs) complain('takes too long', input);
    if (i % breatheEvery === 0) await breathe();
    if (i === Math.ceil(inputs / 10)) usedAtTenth = await usedMb();
  }
  const grownMb = Math.round(((await usedMb()) - usedAtTenth) * 10) / 10;
  if (grownMb > maxGrownMb) broken.push(`${target.name}: keeps ${grownMb} MB`);
  return { inputs, outcomes, slowestMs: Math.round(slowestMs * 10) / 10, grownMb, broken };
}

const time = (work: () => void): number => {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
};

function quickestOf(times: number, target: FuzzTarget, input: Buffer): number {
  const attempt = () => {
    try {
      target.decode(input);
    } catch {}
  };
  return Math.min(...Array.from({ length: times }, () => time(attempt)));
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Twice: what the first round frees lets go of bytes outside the heap a moment later. */
async function usedMb(): Promise<number> {
  for (let round = 0; round < 2; round++) {
    collectGarbage();
    await breathe();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 ** 2;
}
