/**
 * The hub's side of the wire: passes greetings, manifests, frames and live values on, and carries answers back.
 * What a stranger sends never throws; it is counted by its fault.
 */
import { RejectedError } from '../../protocols/errors.ts';
import { decodePayload, type FrameFault, openFrame } from '../../protocols/frame.ts';
import { decodeManifest } from '../../protocols/manifest.ts';
import {
  type Ack,
  encodeMessage,
  type Hello,
  helloSchema,
  hubStateSchema,
  parseMessage,
} from '../../protocols/messages.ts';
import type { SampleColumns, TimeUs } from '../../protocols/sample.ts';
import { agentTopic, parseAgentTopic, parseHubStateTopic } from '../../protocols/topics.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { isParted } from '../ledger/parted.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import type { Arrivals } from './arrivals.ts';
import { samplesThatFit } from './judge.ts';
import type { Ownership } from './ownership.ts';
import type { Windows } from './windows.ts';

export interface LinkOptions {
  readonly ledger: Ledger;
  readonly arrivals: Arrivals;
  readonly ownership: Ownership;
  readonly windows: Windows;
  readonly hubBoot: string;
  readonly now: () => TimeUs;
  /** Publishes at QoS 1; a failure is the connection's, which is made anew. */
  publish(topic: string, payload: Uint8Array): void;
  /** Told of every hello that means this hub. */
  onHello(agent: string, hello: Hello): void;
  /** Told of values for screens, which are not stored. */
  onLive(stream: number, samples: SampleColumns): void;
  /** Told when partitions were let go, to be said to everybody. */
  onLetGo(): void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface Link {
  /** Handles a message of the broker; while the hub holds enough, the promise delays the next one. */
  handle(topic: string, payload: Uint8Array): void | Promise<void>;
  reply(agent: string, ack: Omit<Ack, 'window' | 'hubBoot'>): void;
  /** Counts a message that was refused. */
  fault(agent: string, kind: string): void;
  /** To be called when there may be room again: those who were told to pause go on. */
  resume(): void;
  /** Messages that were refused, by fault. */
  readonly faults: ReadonlyMap<string, number>;
}

export function createLink(options: LinkOptions): Link {
  const { ledger, arrivals, ownership, windows, hubBoot, now, publish, log } = options;
  const faults = new Map<string, number>();

  const reply: Link['reply'] = (agent, ack) => {
    const { epoch, kind } = ack;
    const window = windows.of(agent, epoch);
    const stream = ledger.stream(agent, epoch);
    // Any other word on how far the hub is would let the agent go of samples that are not stored.
    const mustGreet = kind !== 'welcome' && stream !== undefined && isParted(stream);
    const said = mustGreet ? ({ epoch, kind: 'nack', through: 0, reason: 'hello' } as const) : ack;
    publish(agentTopic(agent, 'down/ack'), encodeMessage({ ...said, window, hubBoot }));
  };
  const fault = (agent: string, kind: string) => {
    const count = (faults.get(kind) ?? 0) + 1;
    faults.set(kind, count);
    if (Number.isInteger(Math.log10(count))) log.warn({ agent, fault: kind, count }, 'message refused');
  };

  const greet = (agent: string, payload: Uint8Array) => {
    const hello = parseMessage(helloSchema, payload);
    if (!hello) return fault(agent, 'hello');
    // It means another hub, or this one before it was started again.
    if (hello.hubBoot !== undefined && hello.hubBoot !== hubBoot) return;
    if (hello.minRetained > hello.next || hello.acked >= hello.next) return fault(agent, 'hello');
    options.onHello(agent, hello);
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
    windows.arrived(agent, bytes.length);
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

  const show = (agent: string, bytes: Uint8Array) => {
    try {
      const { header, payload } = openFrame(bytes);
      const stream = ledger.stream(agent, header.epoch);
      if (!stream) return fault(agent, 'live');
      const { samples } = decodePayload(header, payload);
      options.onLive(stream.number, samplesThatFit(samples, ledger.tagsOf(stream.number), header.acceptedAt));
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      fault(agent, 'live');
    }
  };

  const hearHub = (hub: string, payload: Uint8Array) => {
    const state = parseMessage(hubStateSchema, payload);
    // A hub that went without a word leaves nothing; an empty message is how a retained one is cleared.
    if (!state) return payload.length > 0 ? fault(hub, 'hub state') : undefined;
    if (ownership.heard(hub, state)) options.onLetGo();
  };

  return {
    reply,
    fault,
    faults,
    resume() {
      for (const [agent, epoch] of windows.resumed()) {
        const stream = ledger.stream(agent, epoch);
        if (stream && ownership.owns(agent)) reply(agent, { epoch, kind: 'ack', through: stream.through });
      }
    },
    handle(topic, payload) {
      const parsed = parseAgentTopic(topic);
      if (!parsed) {
        const hub = parseHubStateTopic(topic);
        return hub === undefined ? fault('', 'topic') : hearHub(hub, payload);
      }
      const { agent, leaf } = parsed;
      if (!ownership.owns(agent)) return;
      if (leaf === 'up/data') return receive(agent, payload);
      if (leaf === 'up/live') return show(agent, payload);
      try {
        if (leaf === 'up/hello') greet(agent, payload);
        else if (leaf === 'up/manifest') keepManifest(agent, payload);
      } catch (error) {
        if (!isWaitedOut(error)) throw error;
        // The agent gets no answer, and asks again.
        fault(agent, 'ledger');
      }
    },
  };
}
