/**
 * How ledger and store stand to each other when the hub opens both (F38). They agree, but for a group that was being
 * settled when the hub ended; after a restore from backups, a wiped disk or a damaged file they do not. Whoever starts
 * the hub acts on it before any agent is greeted:
 *
 * - `lacking`: the ledger says stored and the store does not have it. Rewind the stream to `first` - 1, so that the
 *   agent sends it again while its replay window holds it, or list it as a gap.
 * - `ahead`: the ledger is older than the store. What agents still hold they send again, and the store takes it for
 *   what it has; what they have released is taken from the store (`adopt.ts`), not declared a gap.
 * - `strangers`: streams that the ledger does not know. Their numbers follow from agent and epoch, so that no other
 *   stream ever gets them; what their agents still send again is taken for what the store has.
 */
import { maxFrameSamples } from '../../protocols/frame.ts';
import type { BatchRow, Ledger, Stream } from '../ledger/ledger.ts';
import type { TelemetryStore } from '../store/store.ts';

export interface Standing {
  readonly lacking: readonly Lack[];
  readonly ahead: readonly { readonly stream: number; readonly through: number; readonly highest: number }[];
  readonly strangers: readonly { readonly stream: number; readonly highest: number }[];
}

/** A run that is settled in the ledger, and of whose stored numbers the store lacks the first at least. */
export interface Lack {
  readonly stream: number;
  readonly first: number;
  readonly last: number;
  /** `behind`: everything from here on is missing, as after a restore. `lost`: the store itself lost this run. */
  readonly kind: 'behind' | 'lost';
}

export interface StandingSources {
  readonly ledger: Pick<Ledger, 'streams' | 'batches' | 'deadLetters' | 'gaps'>;
  readonly store: Pick<TelemetryStore, 'account' | 'reader'>;
}

/**
 * A few reads a stream at most: it is taken that a store that has a frame has those before it, which is what a backup
 * is like; `verify` counts all of them.
 * @throws {ConnectionError} the store cannot be asked; ask again later.
 */
export async function compareStanding({ ledger, store }: StandingSources, signal: AbortSignal): Promise<Standing> {
  const { highest, lost } = await store.account(signal);
  const lacking: Lack[] = [];
  const ahead: { stream: number; through: number; highest: number }[] = [];
  const strangers = new Map(highest);
  for (const stream of ledger.streams()) {
    const { number, through, expired } = stream;
    strangers.delete(number);
    const held = highest.get(number) ?? 0;
    if (held > through) ahead.push({ stream: number, through, highest: held });
    for (const run of lost) {
      if (run.stream !== number) continue;
      const last = Math.min(run.last, through);
      const first = firstUnlisted(number, Math.max(run.first, expired + 1), last, ledger);
      if (first <= last) lacking.push({ stream: number, first, last, kind: 'lost' });
    }
    const first = await firstMissing(stream, held, { ledger, store }, signal);
    if (first !== undefined) lacking.push({ stream: number, first, last: through, kind: 'behind' });
  }
  return { lacking, ahead, strangers: [...strangers].map(([stream, held]) => ({ stream, highest: held })) };
}

/** Of a run, the first number that is neither a dead letter nor in a gap: those the store never had. */
function firstUnlisted(
  stream: number,
  first: number,
  last: number,
  ledger: Pick<Ledger, 'deadLetters' | 'gaps'>,
): number {
  const gaps = ledger.gaps(stream);
  let at = first;
  for (let before = 0; at <= last && at !== before; ) {
    before = at;
    for (const gap of gaps) if (gap.first <= at) at = Math.max(at, (gap.last ?? last) + 1);
    for (const { number } of ledger.deadLetters(stream, at - 1, maxFrameSamples)) {
      if (number !== at) break;
      at += 1;
    }
  }
  return at;
}

/** The first number of the first frame that the store lacks, found by halves; undefined when it has the newest one. */
async function firstMissing(
  { number, through, expired }: Stream,
  held: number,
  sources: StandingSources,
  signal: AbortSignal,
): Promise<number | undefined> {
  const [newest] = tellingFrames(number, Math.max(expired, through - maxFrameSamples), through, sources).toReversed();
  if (newest && (newest.lastStored <= held || (await isThere(newest, sources, signal)))) return undefined;
  let missing: number | undefined;
  // Up to `low` everything is there; behind `high` nothing is, as far as frames tell.
  let low = Math.max(expired, held - maxFrameSamples);
  let high = through;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const [frame] = tellingFrames(number, middle, high, sources, 1);
    if (frame && (await isThere(frame, sources, signal))) low = frame.batch.last;
    else {
      missing = frame?.batch.first ?? missing;
      high = middle;
    }
  }
  return missing;
}

interface TellingFrame {
  readonly batch: BatchRow;
  /** How many of its numbers are in the store, and the last of them; the others are dead letters. */
  readonly stored: number;
  readonly lastStored: number;
}

/** The frames that begin in (after, until] and have something in the store, ascending; `limit` of them. */
function tellingFrames(
  stream: number,
  after: number,
  until: number,
  { ledger }: StandingSources,
  limit = maxFrameSamples,
): TellingFrame[] {
  const frames: TellingFrame[] = [];
  for (let next = after; frames.length < limit; ) {
    const page = ledger.batches(stream, next, Math.min(limit, 100));
    if (page.length === 0) return frames;
    for (const batch of page) {
      if (batch.first > until || frames.length === limit) return frames;
      next = batch.first;
      const size = batch.last - batch.first + 1;
      const listed = ledger.deadLetters(stream, batch.first - 1, size).map((letter) => letter.number);
      const dead = new Set(listed.filter((number) => number <= batch.last));
      let lastStored = batch.last;
      while (dead.has(lastStored)) lastStored -= 1;
      if (dead.size < size) frames.push({ batch, stored: size - dead.size, lastStored });
    }
  }
  return frames;
}

async function isThere(
  { batch, stored }: TellingFrame,
  { store }: StandingSources,
  signal: AbortSignal,
): Promise<boolean> {
  const { stream, first, last, minTime, maxTime } = batch;
  const found = await store.reader.samplesByNumber({ stream, first, last, from: minTime, to: maxTime }, signal);
  return found.numbers.length === stored;
}
