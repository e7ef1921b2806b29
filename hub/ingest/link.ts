/**
 * The hub's side of the wire: greets agents, keeps their manifests, passes their frames on and carries answers back.
 * What a stranger sends never throws; it is counted by its fault.
 */
import { RejectedError } from '../../protocols/errors.ts';
import { type FrameFault, openFrame } from '../../protocols/frame.ts';
import { decodeManifest } from '../../protocols/manifest.ts';
import { type Ack, encodeMessage, helloSchema, parseMessage } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { agentTopic, parseAgentTopic } from '../../protocols/topics.ts';
import type { Ledger, Stream } from '../ledger/ledger.ts';
import type { Arrivals } from './arrivals.ts';
import type { Identities } from './identity.ts';

export interface LinkOptions {
  readonly ledger: Ledger;
  readonly arrivals: Arrivals;
  readonly identities: Identities;
  readonly hubBoot: string;
  /** Frames that an agent may have in flight. */
  readonly window: number;
  readonly now: () => TimeUs;
  /** Publishes at QoS 1; a failure is the connection's, which is made anew. */
  publish(topic: string, payload: Uint8Array): void;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface Link {
  /** Handles a message of the broker; while the hub holds enough, the promise delays the next one. */
  handle(topic: string, payload: Uint8Array): void | Promise<void>;
  reply(agent: string, ack: Pick<Ack, 'epoch' | 'kind' | 'through' | 'reason' | 'manifestRevision'>): void;
  /** Messages that were refused, by fault. */
  readonly faults: ReadonlyMap<string, number>;
  /** When each agent was last heard of. */
  readonly heard: ReadonlyMap<string, TimeUs>;
}

export function createLink(options: LinkOptions): Link {
  const { ledger, arrivals, identities, hubBoot, window, now, publish, log } = options;
  const faults = new Map<string, number>();
  const heard = new Map<string, TimeUs>();

  const reply: Link['reply'] = (agent, ack) => {
    publish(agentTopic(agent, 'down/ack'), encodeMessage({ ...ack, window, hubBoot }));
  };
  const fault = (agent: string, kind: string) => {
    const count = (faults.get(kind) ?? 0) + 1;
    faults.set(kind, count);
    if (Number.isInteger(Math.log10(count))) log.warn({ agent, fault: kind, count }, 'message refused');
  };

  const greet = (agent: string, payload: Uint8Array) => {
    const hello = parseMessage(helloSchema, payload);
    if (!hello) return fault(agent, 'hello');
    if (hello.minRetained > hello.next || hello.acked >= hello.next) return fault(agent, 'hello');
    identities.greeted(agent, hello.bootId);
    if (identities.quarantined(agent)) {
      const through = ledger.stream(agent, hello.epoch)?.through ?? 0;
      return reply(agent, { epoch: hello.epoch, kind: 'nack', through, reason: 'identity' });
    }
    let stream: Stream;
    try {
      stream = ledger.greet(agent, hello, now());
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      log.error({ err: error, agent, alarm: 'STREAM_COLLISION' }, 'nothing of this agent is taken');
      return fault(agent, error.reason);
    }
    if (hello.minRetained > stream.through + 1) {
      const last = hello.minRetained - 1;
      log.error(
        { agent, stream: stream.number, first: stream.through + 1, last, alarm: 'LEDGER_BEHIND' },
        'the agent has released numbers that the ledger does not know; listed as a gap',
      );
      ledger.declareGap(stream.number, last, 'released before the ledger knew', now());
    }
    log.info({ agent, stream: stream.number, through: stream.through, next: hello.next }, 'agent greeted');
    const { epoch, through, manifestRevision } = stream;
    reply(agent, { epoch, kind: 'welcome', through, manifestRevision });
  };

  const keepManifest = (agent: string, payload: Uint8Array) => {
    const manifest = decodeManifest(payload);
    const stream = manifest && ledger.stream(agent, manifest.epoch);
    if (!stream) return fault(agent, 'manifest');
    if (manifest.revision <= stream.manifestRevision) return;
    ledger.keepManifest(stream.number, manifest, now());
    log.info(
      { agent, stream: stream.number, revision: manifest.revision, tags: manifest.tags.length },
      'manifest kept',
    );
  };

  const receive = (agent: string, bytes: Uint8Array): void | Promise<void> => {
    try {
      return arrivals.put({ agent, ...openFrame(bytes) });
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      fault(agent, error.reason);
      const stream = ledger.streams().findLast((known) => known.agent === agent && known.closedAt === null);
      const reason = error.reason as FrameFault;
      if (stream) reply(agent, { epoch: stream.epoch, kind: 'nack', through: stream.through, reason });
    }
  };

  return {
    reply,
    faults,
    heard,
    handle(topic, payload) {
      const parsed = parseAgentTopic(topic);
      if (!parsed) return fault('', 'topic');
      const { agent, leaf } = parsed;
      heard.set(agent, now());
      if (leaf === 'up/data') return receive(agent, payload);
      if (leaf === 'up/hello') return greet(agent, payload);
      if (leaf === 'up/manifest') return keepManifest(agent, payload);
    },
  };
}
