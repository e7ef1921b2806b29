/**
 * Which agents this process takes. It owns the partitions of its configuration until another hub claims one with a
 * higher generation; that one is let go at once and for good: it comes back only by a restart with a higher generation.
 */
import type { HubAnnouncement } from '../../protocols/messages.ts';
import { goesBefore, owns } from '../../protocols/partitions.ts';

export interface OwnershipOptions {
  /** This hub's id. */
  readonly hub: string;
  readonly partitions: HubAnnouncement['partitions'];
  readonly generation: number;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface Ownership {
  readonly hub: string;
  readonly partitions: HubAnnouncement['partitions'];
  readonly generation: number;
  owns(agent: string): boolean;
  /** To be told of what other hubs say of themselves. True when something was let go: to be announced. */
  heard(hub: string, state: HubAnnouncement): boolean;
}

export function createOwnership({ hub, partitions, generation, log }: OwnershipOptions): Ownership {
  let { own } = partitions;
  const { of } = partitions;
  return {
    hub,
    generation,
    get partitions() {
      return { of, own: [...own] };
    },
    owns: (agent) => owns({ partitions: { of, own } }, agent),
    heard(other, state) {
      if (other === hub || !state.online) return false;
      if (state.partitions.of !== of) {
        const fields = { other, of, theirs: state.partitions.of, alarm: 'PARTITIONS_DIFFER' };
        log.error(fields, 'another hub divides the agents otherwise; give every hub the same ingest.partitions.of');
        return false;
      }
      const lost = own.filter((one) => state.partitions.own.includes(one));
      if (lost.length === 0) return false;
      if (!goesBefore({ hub: other, generation: state.generation }, { hub, generation })) return false;
      own = own.filter((one) => !lost.includes(one));
      log.warn(
        { lost, to: other, generation: state.generation },
        'another hub takes these partitions; they are let go',
      );
      return true;
    },
  };
}
