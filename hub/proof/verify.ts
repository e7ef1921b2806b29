/**
 * The proof, on a live hub: invariants I1 to I8 of the delivery protocol, with the numbers counted in the store itself
 * and frames compared value by value by hash. It reads the ledger before the store, so that what arrives meanwhile
 * cannot make it fail.
 */
import type { LedgerReader, NumberRun, Stream } from '../ledger/ledger.ts';
import { uniteLedgers } from '../ledger/unite.ts';
import { formatTime } from '../plant/time-text.ts';
import type { TelemetryReader } from '../store/store.ts';
import { type Doubles, findDoubles } from './doubles.ts';
import { isUnchanged } from './frames.ts';
import { readListed } from './listed.ts';
import { sentenceOf } from './sentence.ts';
import type { StreamProof } from './stream-proof.ts';
import { readTiles } from './tiles.ts';

export interface Verification {
  readonly ok: boolean;
  readonly sentence: string;
  readonly streams: readonly StreamProof[];
  /** What is stored under numbers of two streams; it breaks no invariant, and nothing can be done about it. */
  readonly doubles: Doubles;
}

export interface VerifyOptions {
  readonly ledger: LedgerReader;
  /** Of other ingest processes in front of the same store: proved as well, each in its own part. */
  readonly others?: readonly LedgerReader[];
  readonly reader: TelemetryReader;
  /** Compare every frame, not just the newest and some in between. */
  readonly deep?: boolean;
}

const mostPlaces = 5;

export async function verify(options: VerifyOptions, signal: AbortSignal): Promise<Verification> {
  const streams: StreamProof[] = [];
  const ledgers = [options.ledger, ...(options.others ?? [])];
  const whole = uniteLedgers(ledgers);
  const ended = new Map(whole.streams().flatMap((one) => (one.closedAt === null ? [] : [[one.number, one.through]])));
  for (const ledger of ledgers) {
    for (const stream of ledger.streams().map((known) => ({ ...known }))) {
      streams.push(await verifyStream(stream, { ...options, ledger, ledgers, ended }, signal));
    }
  }
  const ok = streams.every(({ invariants }) => invariants.every((invariant) => invariant.ok));
  const doubles = await findDoubles({ ledger: whole, reader: options.reader }, signal);
  return { ok, sentence: sentenceOf(streams, doubles, ok), streams, doubles };
}

interface StreamSources extends VerifyOptions {
  readonly ledgers: readonly LedgerReader[];
  /** How far closed streams have come, in whatever ledger. */
  readonly ended: ReadonlyMap<number, number>;
}

async function verifyStream(
  stream: Stream,
  { ledger, ledgers, ended, reader, deep }: StreamSources,
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

  const stored = { points: 0, distinct: 0, double: undefined as number | undefined };
  for (const { first, last } of without(elsewhere, { first: expired + 1, last: through })) {
    const { points, distinct, double } = await reader.countNumbers(number, first, last, signal);
    stored.points += points;
    stored.distinct += distinct;
    stored.double ??= double;
  }
  const beyond =
    ended.get(number) === through
      ? (await reader.countNumbers(number, through + 1, Number.MAX_SAFE_INTEGER, signal)).distinct
      : 0;
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
    [
      'I1',
      'complete',
      accounted === wanted,
      `${accounted} of ${wanted} numbers stored or listed${beyond > 0 ? `; beyond them ${beyond} that were never acknowledged` : ''}`,
    ],
    [
      'I2',
      'nothing double',
      stored.points === stored.distinct && both === undefined,
      both === undefined
        ? `${stored.points} points for ${stored.distinct} numbers${await pointsOf(number, stored.double, reader, signal)}`
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
    beyond,
    frames: tiles.frames,
    framesCompared: compared,
    invariants: results.map(([id, name, ok, detail]) => ({ id, name, ok, detail })),
  };
}

/** Where the points of a number that has several lie. */
async function pointsOf(
  stream: number,
  number: number | undefined,
  reader: Pick<TelemetryReader, 'samplesByNumber'>,
  signal: AbortSignal,
): Promise<string> {
  if (number === undefined) return '';
  const anyTime = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER };
  const { samples } = await reader.samplesByNumber({ stream, first: number, last: number, ...anyTime }, signal);
  const places = samples.times.map((time, i) => `tag ${samples.tags[i]} at ${formatTime(time)}`);
  return `; number ${number} is stored as ${places.slice(0, mostPlaces).join(', and as ')}`;
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
