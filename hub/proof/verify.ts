/**
 * The proof, on a live hub: invariants I1 to I8 of the delivery protocol, with the numbers counted in the store itself
 * and frames compared value by value by hash. It reads the ledger before the store, so that what arrives meanwhile
 * cannot make it fail.
 */
import { setImmediate } from 'node:timers/promises';
import type { Gap, LedgerReader, NumberRun, Stream } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';
import { isUnchanged } from './frames.ts';
import { readTiles } from './tiles.ts';

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
  /** Up to this number it is another ledger's. */
  readonly inherited: number;
  /** How many numbers behind it are another ledger's. */
  readonly elsewhere: number;
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
  readonly ledger: LedgerReader;
  /** Of other ingest processes in front of the same store: proved as well, each in its own part. */
  readonly others?: readonly LedgerReader[];
  readonly reader: TelemetryReader;
  /** Compare every frame, not just the newest and some in between. */
  readonly deep?: boolean;
}

const pageSize = 10_000;

export async function verify(options: VerifyOptions, signal: AbortSignal): Promise<Verification> {
  const streams: StreamProof[] = [];
  const ledgers = [options.ledger, ...(options.others ?? [])];
  for (const ledger of ledgers) {
    for (const stream of ledger.streams().map((known) => ({ ...known }))) {
      streams.push(await verifyStream(stream, { ...options, ledger, ledgers }, signal));
    }
  }
  const ok = streams.every(({ invariants }) => invariants.every((invariant) => invariant.ok));
  return { ok, sentence: sentenceOf(streams, ok), streams };
}

async function verifyStream(
  stream: Stream,
  { ledger, ledgers, reader, deep }: VerifyOptions & { readonly ledgers: readonly LedgerReader[] },
  signal: AbortSignal,
): Promise<StreamProof> {
  const { number, agent, epoch, through, expired, inherited, hello } = stream;
  const gaps = ledger.gaps(number).filter(({ first }) => first > expired && first <= through);
  const listed = await readListed(ledger, stream, gaps);
  let compared = 0;
  let differing: number | undefined;
  const compare = async (batch: Parameters<typeof isUnchanged>[0]) => {
    compared += 1;
    if (!(await isUnchanged(batch, { ledger, reader }, signal))) differing ??= batch.first;
  };
  const elsewhere = ledger.elsewhere(number).filter(({ first }) => first > expired && first <= through);
  const noFrames = [...gaps, ...elsewhere].sort((a, b) => a.first - b.first);
  const tiles = await readTiles(ledger, stream, noFrames, async (batch) => {
    if (deep) await compare(batch);
  });
  if (!deep) for (const batch of tiles.selection) await compare(batch);

  const stored = { points: 0, distinct: 0 };
  for (const { first, last } of without(elsewhere, { first: expired + 1, last: through })) {
    const { points, distinct } = await reader.countNumbers(number, first, last, signal);
    stored.points += points;
    stored.distinct += distinct;
  }
  // Listed, and in the store all the same.
  const both = await reader.firstAmong(number, listed.runs, signal);
  const now = ledger.stream(agent, epoch)!;
  const openStreams = ledger.streams().filter((other) => other.agent === agent && other.closedAt === null).length;
  const numbersElsewhere = elsewhere.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const wanted = through - expired - numbersElsewhere;
  const accounted = stored.distinct + listed.deadLetters + listed.gapNumbers;
  const acked = hello?.acked ?? 0;

  const others = ledgers.filter((other) => other !== ledger);
  const handedOver = inherited > 0 ? [{ first: 1, last: inherited }, ...elsewhere] : elsewhere;
  const orphaned = handedOver.find((run) => !isAccountedFor(run, stream, others));
  const results: readonly [id: string, name: string, ok: boolean, detail: string][] = [
    ['I1', 'complete', accounted === wanted, `${accounted} of ${wanted} numbers stored or listed`],
    [
      'I2',
      'nothing double',
      stored.points === stored.distinct && both === undefined,
      both === undefined
        ? `${stored.points} points for ${stored.distinct} numbers`
        : `number ${both} is listed and stored`,
    ],
    [
      'I3',
      'values unchanged',
      differing === undefined,
      differing === undefined
        ? `${compared} of ${tiles.frames} frames compared`
        : `frame from number ${differing} differs from what was accepted`,
    ],
    [
      'I4',
      'acknowledged is stored',
      acked <= through && accounted === wanted,
      `agent released up to ${acked}, hub settled up to ${through}`,
    ],
    [
      'I5',
      'nothing deleted early',
      !hello || hello.minRetained <= acked + 1,
      `agent keeps from ${hello?.minRetained ?? 1}`,
    ],
    [
      'I6',
      'numbers never fall',
      now.through >= through && (hello?.next ?? 1) > acked,
      `settled up to ${through} before and ${now.through} after this proof`,
    ],
    [
      'I7',
      'ledger without overlap or hole',
      tiles.fault === undefined && orphaned === undefined,
      orphaned
        ? `${orphaned.first} to ${orphaned.last} are accounted for by the ledger of another hub, which is not named under ledgers`
        : (tiles.fault ?? `${tiles.frames} frames and ${gaps.length} gaps tile ${expired + 1} to ${through}`),
    ],
    ['I8', 'one identity', openStreams <= 1, `${openStreams} open stream of agent ${agent}`],
  ];
  return {
    stream: number,
    agent,
    epoch,
    through,
    expired,
    inherited,
    elsewhere: numbersElsewhere,
    stored: stored.distinct,
    deadLetters: listed.deadLetters,
    gapNumbers: listed.gapNumbers,
    frames: tiles.frames,
    framesCompared: compared,
    invariants: results.map(([id, name, ok, detail]) => ({ id, name, ok, detail })),
  };
}

/** Whether other ledgers have a run of the stream, one after the other. */
function isAccountedFor(
  { first, last }: NumberRun,
  { agent, epoch }: Stream,
  others: readonly LedgerReader[],
): boolean {
  const parts = others.flatMap((other) => other.stream(agent, epoch) ?? []);
  for (let at = first; at <= last; ) {
    const reached = Math.max(0, ...parts.filter(({ inherited }) => inherited < at).map(({ through }) => through));
    if (reached < at) return false;
    at = reached + 1;
  }
  return true;
}

/** What is left of a run, ascending, without others that lie within it. */
function without(others: readonly NumberRun[], { first, last }: NumberRun): NumberRun[] {
  const starts = [first, ...others.map((run) => run.last + 1)];
  const ends = [...others.map((run) => run.first - 1), last];
  return starts.map((start, i) => ({ first: start, last: ends[i]! })).filter((run) => run.first <= run.last);
}

interface Listed {
  readonly deadLetters: number;
  readonly gapNumbers: number;
  /** First and last of every run of listed numbers, ascending. */
  readonly runs: readonly (readonly [number, number])[];
}

async function readListed(
  ledger: Pick<LedgerReader, 'deadLetters'>,
  { number, expired, through }: Stream,
  gaps: readonly Gap[],
): Promise<Listed> {
  const runs: [number, number][] = [];
  let deadLetters = 0;
  for (let after = expired, more = true; more; ) {
    const page = ledger.deadLetters(number, after, pageSize);
    more = page.length === pageSize;
    await setImmediate();
    for (const { number: listed } of page) {
      after = listed;
      if (listed > through) continue;
      deadLetters += 1;
      const run = runs.at(-1);
      if (run && run[1] === listed - 1) run[1] = listed;
      else runs.push([listed, listed]);
    }
  }
  const ofGaps = gaps.map(({ first, last }): [number, number] => [first, last ?? through]);
  return {
    deadLetters,
    gapNumbers: ofGaps.reduce((sum, [first, last]) => sum + last - first + 1, 0),
    runs: [...runs, ...ofGaps].sort((a, b) => a[0] - b[0]),
  };
}

const count = (value: number): string => value.toLocaleString('en');

function sentenceOf(streams: readonly StreamProof[], ok: boolean): string {
  if (!ok) {
    const broken = streams.flatMap(({ agent, invariants }) =>
      invariants.filter((invariant) => !invariant.ok).map(({ id, detail }) => `${id} of ${agent}: ${detail}`),
    );
    return `NOT proved: ${broken.join('; ')}.`;
  }
  if (streams.length === 0) return 'Nothing to prove yet: no agent has ever greeted this hub.';
  const sum = (
    key:
      | 'through'
      | 'expired'
      | 'inherited'
      | 'elsewhere'
      | 'stored'
      | 'deadLetters'
      | 'gapNumbers'
      | 'frames'
      | 'framesCompared',
  ) => streams.reduce((total, stream) => total + stream[key], 0);
  const expired = sum('expired') - sum('inherited');
  const deleted = expired > 0 ? `${count(expired)} deleted by retention; ` : '';
  return (
    `Every one of the ${count(sum('through') - sum('inherited') - sum('elsewhere'))} samples that the hub has acknowledged is stored exactly once or listed with its reason: ` +
    `${count(sum('stored'))} stored, ${count(sum('deadLetters'))} dead letters, ${count(sum('gapNumbers'))} in declared gaps; ` +
    `${deleted}${count(sum('framesCompared'))} of ${count(sum('frames'))} frames compared value by value.`
  );
}
