/**
 * A light agent: the real forwarding over real MQTT, without devices and without a disk. Its samples are made up once a
 * second and wait in memory, so that thousands fit into one process; what the hub and the broker see is an agent.
 */
import { randomUUID } from 'node:crypto';
import type { LinkState } from '../../edge-agent/forward/conversation.ts';
import { createForwarder } from '../../edge-agent/forward/forward.ts';
import { createMqttUplink } from '../../edge-agent/forward/mqtt-uplink.ts';
import type { Uplink } from '../../edge-agent/forward/uplink.ts';
import { encodePayload } from '../../protocols/frame.ts';
import type { SampleColumns } from '../../protocols/sample.ts';
import { createMemoryBuffer } from '../support/memory-buffer.ts';

export interface LightAgentOptions {
  readonly url: string;
  readonly id: string;
  readonly password: string;
  readonly tags: number;
  /** How long a frame waited from acceptance to acknowledgement. */
  onSettled(lagMs: number): void;
  readonly log: { warn(fields: object, message: string): void };
}

export interface LightAgent {
  /** One sample of every tag, as one frame. */
  measure(): Promise<void>;
  /** Forwards until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Connections to the broker since the start that were made. */
  readonly sessions: number;
  readonly link: LinkState;
  readonly through: number;
  /** Of the oldest frame that is not acknowledged; 0 when all are. */
  oldestMs(): number;
}

export async function createLightAgent(options: LightAgentOptions): Promise<LightAgent> {
  const { url, id, password, tags, onSettled, log } = options;
  const buffer = createMemoryBuffer();
  const site = `fleet/${id}`;
  const declared = Array.from({ length: tags }, (_, i) => ({
    path: `line-${1 + (i % 4)}/tag-${i}`,
    type: 'float' as const,
    unit: '',
    role: 'process' as const,
    source: 'fleet',
    intervalMs: 1000,
  }));
  const registered = await buffer.register(declared, site);
  const ids = registered.tags.map((tag) => tag.id);
  const signals = createSignals(ids);

  let sessions = 0;
  let waiting: { last: number; acceptedMs: number }[] = [];
  const settled = (through: number) => {
    const still = waiting.findIndex(({ last }) => last > through);
    const done = still < 0 ? waiting : waiting.slice(0, still);
    waiting = still < 0 ? [] : waiting.slice(still);
    for (const { acceptedMs } of done) onSettled(performance.now() - acceptedMs);
  };
  const mqtt = createMqttUplink({ url, agent: id, password });
  const uplink: Uplink = {
    async connect(handlers, signal) {
      const onAck: typeof handlers.onAck = (ack) => {
        handlers.onAck(ack);
        settled(forwarder.through);
      };
      const session = await mqtt.connect({ ...handlers, onAck }, signal);
      sessions += 1;
      return session;
    },
  };
  const forwarder = createForwarder({
    buffer,
    uplink,
    manifest: { revision: registered.revision, site, tags: [...registered.tags] },
    bootId: randomUUID(),
    version: 'fleet',
    log: { info() {}, warn: (fields, message) => log.warn({ agent: id, ...fields }, message), error: log.warn },
  });

  return {
    async measure() {
      const payload = encodePayload(signals.next(Date.now() * 1000));
      const first = buffer.state().next;
      waiting.push({ last: first + tags - 1, acceptedMs: performance.now() });
      await buffer.append({
        after: first - 1,
        chunks: [{ keep: 'normal', count: tags, payload }],
        acceptedAt: Date.now() * 1000,
        manifestRevision: registered.revision,
      });
      forwarder.accepted();
    },
    run: (signal) => forwarder.run(signal),
    get sessions() {
      return sessions;
    },
    get link() {
      return forwarder.link;
    },
    get through() {
      return forwarder.through;
    },
    oldestMs: () => (waiting[0] ? performance.now() - waiting[0].acceptedMs : 0),
  };
}

/** Half are measured values that tremble, a third count, the others stand still: what a line of machines looks like. */
function createSignals(ids: readonly number[]): { next(timeUs: number): SampleColumns } {
  const values = ids.map((_, i) => Math.round(Math.random() * 1000) + i);
  const zeros = ids.map(() => 0);
  return {
    next(timeUs) {
      for (let i = 0; i < values.length; i++) {
        if (i % 6 < 3) values[i] = Math.round(values[i]! * 100 + (Math.random() - 0.5) * 40) / 100;
        else if (i % 6 < 5) values[i]! += Math.floor(Math.random() * 3);
      }
      // A block of registers is read at once, and the next a moment later.
      const times = ids.map((_, i) => timeUs - 400_000 + 3000 * Math.floor(i / 25));
      return { tags: ids, times, values: [...values], qualities: zeros, flags: zeros };
    },
  };
}
