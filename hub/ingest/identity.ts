/**
 * Notices two gateways that use one identity, such as a copied memory card (R21). What either of them sends next could
 * take the other's numbers, so the agent is put in quarantine: nothing of it is taken or acknowledged, all of it stays
 * in the buffers, until a person has decided.
 */
import { readableHash } from '../../protocols/fingerprint.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Arrival } from './arrivals.ts';

export interface Identities {
  readonly quarantined: (agent: string) => boolean;
  /** To be told of every greeting. */
  greeted(agent: string, bootId: string): void;
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
  /** By agent, newest last. */
  const starts = new Map<string, string[]>();

  const quarantine = (agent: string, reason: string) => {
    if (ledger.quarantines().has(agent)) return;
    ledger.quarantine(agent, reason, now());
    log.error({ agent, reason, alarm: 'IDENTITY_CLONED' }, 'two gateways use one identity; nothing of it is taken');
  };

  return {
    quarantined: (agent) => ledger.quarantines().has(agent),
    greeted(agent, bootId) {
      const known = starts.get(agent) ?? [];
      if (known.at(-1) === bootId) return;
      // A process that was replaced by a newer one does not come back.
      if (known.includes(bootId)) quarantine(agent, 'an older process of this agent speaks beside a newer one');
      starts.set(agent, [...known.filter((id) => id !== bootId), bootId].slice(-rememberedStarts));
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
