/**
 * The proof, on a live hub: invariants I1 to I8 of the delivery protocol, with the numbers counted in the store itself
 * and frames compared value by value by hash. It reads the ledger before the store, so that what arrives meanwhile
 * cannot make it fail.
 */
import { createHash } from 'node:crypto';
import { encodeContent } from '../protocols/frame.ts';
import type { SampleColumns, SampleValue, TimeUs } from '../protocols/sample.ts';
import { valueOfDeadLetter } from './ingest/judge.ts';
import type { BatchRow, DeadLetter, Gap, Ledger, Stream } from './ledger/ledger.ts';
import type { TelemetryReader } from './store/store.ts';

export interface InvariantResult {
  readonly id: string;
  readonly name: string;
  readonly ok: boolean;
  /** What was found; names the first number that breaks it. */
  readonly detail: string;
}

export interface StreamProof {
  readonly stream: number;
  readonly agent: string;
  readonly epoch: string;
  readonly through: number;
  /** Deleted by retention since, up to this number. */
  readonly expired: number;
  readonly stored: number;
  readonly deadLetters: number;
  readonly gapNumbers: number;
  readonly framesCompared: number;
  readonly frames: number;
  readonly invariants: readonly InvariantResult[];
}

export interface Verification {
  readonly ok: boolean;
  readonly sentence: string;
  readonly streams: readonly StreamProof[];
}

export interface VerifyOptions {
  readonly ledger: Ledger;
  readonly reader: TelemetryReader;
  /** Compare every frame, not just the newest and some in between. */
  readonly deep?: boolean;
}

const pageSize = 10_000;
const comparedNewest = 20;
const comparedBetween = 30;

export async function verify(options: VerifyOptions, signal: AbortSignal): Promise<Verification> {
  const streams: StreamProof[] = [];
  for (const stream of options.ledger.streams().map((known) => ({ ...known }))) {
    streams.push(await verifyStream(stream, options, signal));
  }
  const ok = streams.every(({ invariants }) => invariants.every((invariant) => invariant.ok));
  return { ok, sentence: sentenceOf(streams, ok), streams };
}

async function verifyStream(
  stream: Stream,
  { ledger, reader, deep }: VerifyOptions,
  signal: AbortSignal,
): Promise<StreamProof> {
  const { number, through, expired } = stream;
  const batches = readAll(
    (after) => ledger.batches(number, after, pageSize),
    (row) => row.first,
  ).filter(({ first, last }) => first > expired && last <= through);
  const deadLetters = readAll(
    (after) => ledger.deadLetters(number, after, pageSize),
    (row) => row.number,
  ).filter((row) => row.number > expired && row.number <= through);
  const gaps = ledger.gaps(number).filter(({ first }) => first > expired && first <= through);
  const gapNumbers = gaps.reduce((sum, gap) => sum + (gap.last ?? through) - gap.first + 1, 0);
  const nothing = { points: 0, distinct: 0 };
  const stored = through > expired ? await reader.countNumbers(number, expired + 1, through, signal) : nothing;
  const listed = await storedThoughListed(number, deadLetters, gaps, through, reader, signal);
  const chosen = deep ? batches : sampleOf(batches);
  const differing = await differingFrame(chosen, deadLetters, reader, signal);
  const tiling = tilingFault(batches, gaps, expired, through);
  const hello = stream.hello;
  const now = ledger.stream(stream.agent, stream.epoch)!;
  const openStreams = ledger
    .streams()
    .filter((other) => other.agent === stream.agent && other.closedAt === null).length;
  const wanted = through - expired;
  const accounted = stored.distinct + deadLetters.length + gapNumbers;

  const results: [string, string, boolean, string][] = [
    ['I1', 'complete', accounted === wanted, `${accounted} of ${wanted} numbers stored or listed`],
    [
      'I2',
      'nothing double',
      stored.points === stored.distinct && listed === undefined,
      listed === undefined
        ? `${stored.points} points for ${stored.distinct} numbers`
        : `number ${listed} is listed and stored`,
    ],
    [
      'I3',
      'values unchanged',
      differing === undefined,
      differing === undefined
        ? `${chosen.length} of ${batches.length} frames compared`
        : `frame from number ${differing} differs from what was accepted`,
    ],
    [
      'I4',
      'acknowledged is stored',
      (hello?.acked ?? 0) <= through && accounted === wanted,
      `agent released up to ${hello?.acked ?? 0}, hub settled up to ${through}`,
    ],
    [
      'I5',
      'nothing deleted early',
      !hello || hello.minRetained <= hello.acked + 1,
      `agent keeps from ${hello?.minRetained ?? 1}`,
    ],
    [
      'I6',
      'numbers never fall',
      now.through >= through && (hello?.next ?? 1) > (hello?.acked ?? 0),
      `settled up to ${through} before and ${now.through} after this proof`,
    ],
    [
      'I7',
      'ledger without overlap or hole',
      tiling === undefined,
      tiling ?? `${batches.length} frames and ${gaps.length} gaps tile ${expired + 1} to ${through}`,
    ],
    ['I8', 'one identity', openStreams <= 1, `${openStreams} open stream of agent ${stream.agent}`],
  ];
  return {
    stream: number,
    agent: stream.agent,
    epoch: stream.epoch,
    through,
    expired,
    stored: stored.distinct,
    deadLetters: deadLetters.length,
    gapNumbers,
    frames: batches.length,
    framesCompared: chosen.length,
    invariants: results.map(([id, name, ok, detail]) => ({ id, name, ok, detail })),
  };
}

function readAll<T>(page: (after: number) => readonly T[], key: (row: T) => number): T[] {
  const rows: T[] = [];
  for (let after = 0; ; ) {
    const found = page(after);
    rows.push(...found);
    if (found.length < pageSize) return rows;
    after = key(found.at(-1)!);
  }
}

/** A number that is a dead letter or in a gap and in the store all the same. */
async function storedThoughListed(
  stream: number,
  deadLetters: readonly DeadLetter[],
  gaps: readonly Gap[],
  through: number,
  reader: TelemetryReader,
  signal: AbortSignal,
): Promise<number | undefined> {
  const runs = [
    ...runsOf(deadLetters.map((letter) => letter.number)),
    ...gaps.map((gap): [number, number] => [gap.first, gap.last ?? through]),
  ];
  for (const [first, last] of runs) {
    if ((await reader.countNumbers(stream, first, last, signal)).points > 0) return first;
  }
  return undefined;
}

function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function sampleOf(batches: readonly BatchRow[]): readonly BatchRow[] {
  if (batches.length <= comparedNewest + comparedBetween) return batches;
  const older = batches.length - comparedNewest;
  const between = Array.from(
    { length: comparedBetween },
    (_, i) => batches[Math.floor(((i + Math.random()) * older) / comparedBetween)]!,
  );
  return [...between, ...batches.slice(-comparedNewest)];
}

/** The first number of a frame whose samples in the store are not those that were accepted. */
async function differingFrame(
  batches: readonly BatchRow[],
  deadLetters: readonly DeadLetter[],
  reader: TelemetryReader,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (const { stream, first, last, minTime, maxTime, contentHash } of batches) {
    const letters = deadLetters.filter(({ number }) => number >= first && number <= last);
    if (letters.some(({ reason }) => reason.startsWith('frame:'))) continue;
    const stored = await reader.samplesByNumber({ stream, first, last, from: minTime, to: maxTime + 1 }, signal);
    const content = encodeContent(merge(stored, letters));
    if (createHash('sha256').update(content).digest('hex') !== contentHash) return first;
  }
  return undefined;
}

function merge(
  { numbers, samples }: { numbers: readonly number[]; samples: SampleColumns },
  letters: readonly DeadLetter[],
): SampleColumns {
  if (letters.length === 0) return samples;
  const rows: { number: number; tag: number; time: TimeUs; value: SampleValue; quality: number; flags: number }[] =
    numbers.map((number, i) => ({
      number,
      tag: samples.tags[i]!,
      time: samples.times[i]!,
      value: samples.values[i]!,
      quality: samples.qualities[i]!,
      flags: samples.flags[i]!,
    }));
  for (const letter of letters) rows.push({ ...letter, value: valueOfDeadLetter(letter.value) });
  rows.sort((a, b) => a.number - b.number);
  return {
    tags: rows.map((row) => row.tag),
    times: rows.map((row) => row.time),
    values: rows.map((row) => row.value),
    qualities: rows.map((row) => row.quality),
    flags: rows.map((row) => row.flags),
  };
}

function tilingFault(
  batches: readonly BatchRow[],
  gaps: readonly Gap[],
  expired: number,
  through: number,
): string | undefined {
  const tiles = [...batches, ...gaps]
    .map(({ first, last }) => ({ first, last: last ?? through }))
    .sort((a, b) => a.first - b.first);
  let next = expired + 1;
  for (const { first, last } of tiles) {
    if (first !== next)
      return first > next ? `nothing accounts for ${next} to ${first - 1}` : `${first} is accounted for twice`;
    next = last + 1;
  }
  return next === through + 1 ? undefined : `the ledger ends at ${next - 1}, not at ${through}`;
}

const count = (value: number): string => value.toLocaleString('en');

function sentenceOf(streams: readonly StreamProof[], ok: boolean): string {
  const sum = (key: 'through' | 'expired' | 'stored' | 'deadLetters' | 'gapNumbers' | 'frames' | 'framesCompared') =>
    streams.reduce((total, stream) => total + stream[key], 0);
  if (!ok) {
    const broken = streams.flatMap(({ agent, invariants }) =>
      invariants.filter((invariant) => !invariant.ok).map(({ id, detail }) => `${id} of ${agent}: ${detail}`),
    );
    return `NOT proved: ${broken.join('; ')}.`;
  }
  if (streams.length === 0) return 'Nothing to prove yet: no agent has ever greeted this hub.';
  return (
    `Every one of the ${count(sum('through'))} samples that the hub has acknowledged is stored exactly once or listed with its reason: ` +
    `${count(sum('stored'))} stored, ${count(sum('deadLetters'))} dead letters, ${count(sum('gapNumbers'))} in declared gaps; ` +
    `${sum('expired') > 0 ? `${count(sum('expired'))} deleted by retention; ` : ''}${count(sum('framesCompared'))} of ${count(sum('frames'))} frames compared value by value.`
  );
}
