/**
 * The loop that makes samples settled: validate → store → ledger → acknowledge, in that order (R11), for all frames
 * that arrived meanwhile at once. A crash between any two steps only causes a rewrite of the same points.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError } from '../../protocols/errors.ts';
import type { Ack } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Ledger, Stream } from '../ledger/ledger.ts';
import { isParted } from '../ledger/parted.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import type { StoreBatch, StoreRejection, TelemetryWriter } from '../store/store.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import type { Identities } from './identity.ts';
import { type JudgedFrame, type Judgement, judge, toDeadLetter } from './judge.ts';
import type { Ownership } from './ownership.ts';
import { type Cut, type Examined, runOf, type Surplus } from './surplus.ts';

export interface IngestOptions {
  readonly arrivals: Arrivals;
  readonly identities: Identities;
  readonly ownership: Pick<Ownership, 'owns'>;
  readonly ledger: Ledger;
  readonly writer: TelemetryWriter;
  readonly surplus: Surplus;
  readonly now: () => TimeUs;
  /** Sends an acknowledgement; one that is lost is sent again when the agent asks. */
  reply(agent: string, ack: Pick<Ack, 'epoch' | 'kind' | 'through' | 'reason'>): void;
  /** Told of every batch that has been settled, for what shows latest values. */
  onSettled(batch: StoreBatch, acceptedAt: TimeUs): void;
  /** Told when a group is done with, and so there may be room again. */
  onRoom(): void;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface IngestCounts {
  frames: number;
  samples: number;
  deadLetters: number;
  /** Numbers of gaps that agents sent. */
  gapNumbers: number;
  refused: number;
  repeated: number;
  groups: number;
  storeFailures: number;
}

export interface Ingest {
  /** Runs until the signal aborts; what was being settled then is settled first. */
  run(signal: AbortSignal): Promise<void>;
  readonly counts: Readonly<IngestCounts>;
  /** Why the store takes nothing now; undefined when it does. */
  readonly blocked: string | undefined;
}

/** One store write and one ledger commit take at most about so many samples. */
const maxGroupSamples = 128 * 1024;
const nothingStored = { taken: [], toWrite: [], toFill: [], cuts: [], rejections: [] };
const firstRetryMs = 200;
const longestRetryMs = 10_000;

export function createIngest(options: IngestOptions): Ingest {
  const { arrivals, identities, ownership, ledger, writer, surplus, now, reply, log } = options;
  const counts: IngestCounts = {
    frames: 0,
    samples: 0,
    deadLetters: 0,
    gapNumbers: 0,
    refused: 0,
    repeated: 0,
    groups: 0,
    storeFailures: 0,
  };
  let blocked: string | undefined;

  /** Puts frames in order behind their streams' `through`, and answers those that do not belong there (R9). */
  const judgeGroup = (group: readonly Arrival[]): { judgements: Judgement[]; touched: Map<Stream, string> } => {
    const judgements: Judgement[] = [];
    const touched = new Map<Stream, string>();
    const next = new Map<number, number>();
    const refused = new Set<string>();
    const refuse = ({ agent, header }: Arrival, through: number, reason: string) => {
      counts.refused += 1;
      if (refused.has(agent)) return;
      refused.add(agent);
      reply(agent, { epoch: header.epoch, kind: 'nack', through, reason });
    };
    for (const arrival of group) {
      const { agent, header, payload } = arrival;
      // Another hub has taken it over since.
      if (!ownership.owns(agent)) continue;
      const stream = ledger.stream(agent, header.epoch);
      if (!stream || isParted(stream)) {
        refuse(arrival, 0, 'hello');
        continue;
      }
      if (identities.quarantined(agent)) {
        refuse(arrival, stream.through, 'identity');
        continue;
      }
      const expected = next.get(stream.number) ?? stream.through + 1;
      if (header.first + header.count - 1 < expected) {
        counts.repeated += 1;
        if (header.first + header.count - 1 <= stream.through) identities.repeated(arrival, stream.number);
        if (identities.quarantined(agent)) refuse(arrival, stream.through, 'identity');
        else touched.set(stream, agent);
      } else if (header.first > expected) refuse(arrival, stream.through, 'gap');
      else if (header.manifestRevision > stream.manifestRevision && stream.hello?.manifestRevision !== 0) {
        refuse(arrival, stream.through, 'manifest');
      } else {
        const tags = ledger.tagsOf(stream.number);
        const past = header.first + header.count;
        const known = ledger.verdicts(stream.number, expected, past - 1);
        const verdicts = new Map(known.map(({ number, reason }) => [number, reason]));
        judgements.push(judge(header, payload, { stream: stream.number, from: expected, tags, verdicts }));
        next.set(stream.number, past);
        touched.set(stream, agent);
      }
    }
    return { judgements, touched };
  };

  interface Stored extends Examined {
    readonly rejections: readonly StoreRejection[];
  }

  const writeOnce = async (judgements: readonly Judgement[], signal: AbortSignal): Promise<Stored> => {
    const examined = await surplus.examine(judgements, signal);
    const { toWrite, toFill } = examined;
    const batches = [...toFill, ...toWrite];
    let isDone = false;
    try {
      const rejections: StoreRejection[] = [];
      for (const batch of toFill) rejections.push(...(await writer.fill(batch, signal)));
      if (toWrite.length > 0) rejections.push(...(await writer.write(toWrite, signal)));
      isDone = true;
      return { ...examined, rejections };
    } finally {
      surplus.wrote(batches, isDone);
    }
  };

  /** Tries until the store has taken everything or the signal aborts; nothing is acknowledged before. */
  const store = async (judgements: readonly Judgement[], signal: AbortSignal): Promise<Stored | undefined> => {
    for (let failures = 0; ; failures++) {
      try {
        const stored = await writeOnce(judgements, signal);
        if (blocked) log.info({ failures }, 'the store takes samples again');
        blocked = undefined;
        return stored;
      } catch (error) {
        if (signal.aborted) return undefined;
        if (!(error instanceof ConnectionError)) throw error;
        if (!blocked) log.warn({ err: error }, 'the store takes nothing; agents keep their samples until it does');
        blocked = error.message;
        counts.storeFailures += 1;
        const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
        await delay(longest / 2 + Math.random() * (longest / 2), undefined, { signal }).catch(() => {});
        if (signal.aborted) return undefined;
      }
    }
  };

  /** False when the signal aborted before the ledger, on a full disk say, took it; the store's rewrite is harmless. */
  const settle = async (settled: readonly Judgement['settled'][], signal: AbortSignal): Promise<boolean> => {
    for (let failures = 0; ; failures++) {
      try {
        ledger.settle(settled, now());
        blocked = undefined;
        return true;
      } catch (error) {
        if (!isWaitedOut(error)) throw error;
        if (!blocked) log.warn({ err: error }, 'the ledger takes nothing; agents keep their samples until it does');
        blocked = `the ledger: ${(error as Error).message}`;
        await delay(Math.min(longestRetryMs, firstRetryMs * 2 ** failures), undefined, { signal }).catch(() => {});
        if (signal.aborted) return false;
      }
    }
  };

  const settleGroup = async (group: readonly Arrival[], signal: AbortSignal) => {
    const { judgements, touched } = judgeGroup(group);
    const before = [...touched.keys()].map((stream) => ({ stream, through: stream.through }));
    const stored = judgements.length > 0 ? await store(judgements, signal) : nothingStored;
    if (!stored) return;
    const { taken, cuts, rejections } = stored;
    // A stream that somebody moved while the store wrote, or that another hub took over: its agent sends again.
    const moved = new Set(
      before.flatMap(({ stream, through }) =>
        stream.through === through && ownership.owns(stream.agent) ? [] : [stream.number],
      ),
    );
    const standing = taken.filter((judgement) => !moved.has(runOf(judgement).stream));
    const settled = standing.map((judgement) => withRejections(judgement, rejections));
    if (settled.length > 0 && !(await settle(settled, signal))) return;
    for (const { batch, settled } of standing) if (batch) options.onSettled(batch, settled.batch.acceptedAt);
    const isCut = ({ number }: Stream) => cuts.some(({ stream }) => stream === number);
    for (const [stream, agent] of touched) {
      const { epoch, through } = stream;
      if (isCut(stream)) continue;
      if (ownership.owns(agent)) reply(agent, { epoch, kind: 'ack', through });
    }
    counts.groups += 1;
    for (const one of settled) count(one);
    for (const cut of cuts) if (!moved.has(cut.stream)) await takeFromStore(cut, signal);
  };

  /** Nothing of what comes is lost: its agent gives it new numbers once it has heard what these are here. */
  const takeFromStore = async (cut: Cut, signal: AbortSignal) => {
    const { agent, epoch, through: before } = ledger.streams().find(({ number }) => number === cut.stream)!;
    try {
      await surplus.adopt(cut, signal);
    } catch (error) {
      if (!(error instanceof ConnectionError) && !isWaitedOut(error) && !signal.aborted) throw error;
      if (!signal.aborted)
        log.warn({ err: error, agent }, 'what is stored cannot be settled yet; the agent sends again');
      return;
    }
    const { through } = ledger.stream(agent, epoch)!;
    const fields = { agent, stream: cut.stream, first: before + 1, last: through };
    if (cut.isOther) {
      log.error(
        { ...fields, alarm: 'HISTORIES_DIFFER' },
        'other samples are stored under the numbers that come: those stay, the agent gives new numbers',
      );
    } else log.warn(fields, 'what is damaged at the agent had been stored before');
    counts.refused += 1;
    reply(agent, {
      epoch,
      kind: 'nack',
      through: cut.isOther ? before : through,
      reason: cut.isOther ? 'hello' : 'gap',
    });
  };

  const count = (settled: Judgement['settled']) => {
    counts.frames += 1;
    if ('gap' in settled) counts.gapNumbers += settled.gap.last - settled.gap.first + 1;
    else {
      counts.samples += settled.batch.last - settled.batch.first + 1;
      counts.deadLetters += settled.deadLetters.length;
    }
  };

  return {
    counts,
    get blocked() {
      return blocked;
    },
    async run(signal) {
      while (!signal.aborted) {
        const group = await arrivals.take(maxGroupSamples, signal);
        if (group.length === 0) continue;
        await settleGroup(group, signal);
        options.onRoom();
      }
    },
  };
}

/** What the store itself refused for good joins the frame's dead letters, in the same ledger transaction (R14). */
export function withRejections(judgement: Judgement, rejections: readonly StoreRejection[]): Judgement['settled'] {
  if (rejections.length === 0 || !judgement.batch) return judgement.settled;
  const { batch, settled }: JudgedFrame = judgement;
  const refused = rejections.flatMap(({ stream, number, reason }) => {
    const i = stream === batch.stream ? batch.numbers.indexOf(number) : -1;
    return i < 0 ? [] : [toDeadLetter(stream, number, `store: ${reason}`, batch.samples, i)];
  });
  return { ...settled, deadLetters: [...settled.deadLetters, ...refused].sort((a, b) => a.number - b.number) };
}
