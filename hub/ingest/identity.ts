/**
 * Notices two gateways that use one identity, such as a copied memory card (R21). What either of them sends next could
 * take the other's numbers, so the agent is put in quarantine: nothing of it is taken or acknowledged, all of it stays
 * in the buffers, until a person has decided.
 */
import { readableHash } from '../../protocols/fingerprint.ts';
import type { Hello } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Arrival } from './arrivals.ts';

export interface Identities {
  readonly quarantined: (agent: string) => boolean;
  /**
   * To be told of every greeting. `answer` goes with what is answered. Not `isProven`: it may be of a process that has been
   * replaced since; if it lives it greets again, and says that it has heard this answer.
   */
  greeted(agent: string, hello: Pick<Hello, 'bootId' | 'heard'>): { answer: number; isProven: boolean };
  /** To be told of every frame that was settled before. */
  repeated(arrival: Arrival, stream: number): void;
}

export interface IdentityOptions {
  readonly ledger: Pick<Ledger, 'batchAt' | 'quarantine' | 'quarantines'>;
  readonly now: () => TimeUs;
  readonly log: { error(fields: object, message: string): void };
}

/** Starts of an agent that are remembered; a copy speaks again within a few of them. */
const rememberedStarts = 16;

export function createIdentities({ ledger, now, log }: IdentityOptions): Identities {
  /** By agent: how often it has greeted, and its processes, newest last, with the greeting that each began with. */
  const known = new Map<string, { greetings: number; starts: readonly { bootId: string; began: number }[] }>();

  const quarantine = (agent: string, reason: string) => {
    if (ledger.quarantines().has(agent)) return;
    ledger.quarantine(agent, reason, now());
    log.error({ agent, reason, alarm: 'IDENTITY_CLONED' }, 'two gateways use one identity; nothing of it is taken');
  };

  return {
    quarantined: (agent) => ledger.quarantines().has(agent),
    greeted(agent, { bootId, heard = 0 }) {
      const { greetings, starts } = known.get(agent) ?? { greetings: 0, starts: [] };
      const answer = greetings + 1;
      const newest = starts.at(-1);
      if (newest?.bootId === bootId) {
        known.set(agent, { greetings: answer, starts });
        return { answer, isProven: true };
      }
      // What it says may have been long on its way; what was answered since the newest process came, only the living hear.
      const isProven = newest === undefined || heard >= newest.began;
      const others = starts.filter((start) => start.bootId !== bootId);
      if (isProven && others.length < starts.length)
        quarantine(agent, 'an older process of this agent speaks beside a newer one');
      const updated = isProven ? [...others, { bootId, began: answer }].slice(-rememberedStarts) : starts;
      known.set(agent, { greetings: answer, starts: updated });
      return { answer, isProven };
    },
    repeated({ agent, header, payload }, stream) {
      const settled = ledger.batchAt(stream, header.first);
      // Cut off in front or by retention: there is nothing to hold it against.
      if (settled?.first !== header.first || settled.last !== header.first + header.count - 1) return;
      const hash = readableHash(header, payload);
      // A frame that cannot be read is damage, not another gateway.
      if (hash !== undefined && hash !== settled.contentHash) {
        quarantine(agent, `numbers from ${header.first} came again with another content`);
      }
    },
  };
}
