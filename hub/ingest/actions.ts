/** What a person may do about delivery, each with its audit event. Only about streams of this process's own ledger. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';
import type { Ledger, Stream } from '../ledger/ledger.ts';
import type { TelemetryStore } from '../store/store.ts';
import { type Replayed, replayDeadLetters } from './replay.ts';

export interface DeliveryActions {
  /** The stream, if it is this ledger's to change. */
  ownStream(number: number): Stream | undefined;
  /** False when no gap begins there. */
  acknowledgeGap(stream: Stream, first: number, note: string, who: string): boolean;
  /** False when the agent was in none. */
  endQuarantine(agent: string, who: string): boolean;
  /** To the end of the last frame at or below `to`; absent: to what the agent is known to keep. */
  rewind(stream: Stream, to: number | undefined, why: string, who: string): { from: number; to: number };
  /** @throws {ConnectionError} the store is away. */
  replay(
    stream: Stream,
    numbers: ReadonlySet<number> | undefined,
    why: string,
    who: string,
    signal: AbortSignal,
  ): Promise<Replayed>;
}

export interface ActionsOptions {
  readonly ledger: Ledger;
  readonly store: Pick<TelemetryStore, 'writer' | 'reader'>;
  readonly audit: Pick<AuditLog, 'append'>;
  /** Asks an agent to greet again, because its stream has gone back. */
  greetAgain(agent: string, epoch: string): void;
  readonly now: () => TimeUs;
}

export function createDeliveryActions(options: ActionsOptions): DeliveryActions {
  const { ledger, store, audit, greetAgain, now } = options;
  return {
    ownStream: (number) => ledger.streams().find((stream) => stream.number === number),
    acknowledgeGap({ number, agent }, first, note, who) {
      if (!ledger.acknowledgeGap(number, first, { who, note }, now())) return false;
      audit.append({ who, what: 'gap.acknowledge', object: `${agent} ${number}/${first}`, details: { note } });
      return true;
    },
    endQuarantine(agent, who) {
      if (!ledger.endQuarantine(agent)) return false;
      audit.append({ who, what: 'quarantine.end', object: agent, details: {} });
      return true;
    },
    rewind(stream, to, why, who) {
      const { number, agent, epoch, through: from } = stream;
      const kept = to ?? Math.max(0, (stream.hello?.minRetained ?? 1) - 1);
      const reached = ledger.rewind(number, kept);
      if (reached < from) {
        const details = { from, to: reached, why };
        audit.append({ who, what: 'stream.rewind', object: `${agent} ${number}`, details });
        greetAgain(agent, epoch);
      }
      return { from, to: reached };
    },
    async replay(stream, numbers, why, who, signal) {
      const { number, agent } = stream;
      const replayed = await replayDeadLetters({ ledger, store }, number, numbers, signal);
      const details = { stored: replayed.stored, remaining: { ...replayed.remaining }, why };
      audit.append({ who, what: 'dead-letters.replay', object: `${agent} ${number}`, details });
      return replayed;
    },
  };
}
