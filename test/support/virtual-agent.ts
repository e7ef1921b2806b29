/**
 * An agent without devices and disk, on a clock of its own choosing: tag book, acceptance, buffer, forwarding and MQTT are
 * the agent's; what its sources read is said by whoever holds it.
 */
import { randomUUID } from 'node:crypto';
import { startAcceptor } from '../../edge-agent/acquire/accept.ts';
import { createSourceHealth } from '../../edge-agent/acquire/health.ts';
import { createSampler, reportingOf } from '../../edge-agent/acquire/sampler.ts';
import { type DeclaredSource, openTagBook } from '../../edge-agent/acquire/tag-book.ts';
import type { Buffer, Chunk } from '../../edge-agent/buffer/buffer.ts';
import { createForwarder } from '../../edge-agent/forward/forward.ts';
import { createMqttUplink } from '../../edge-agent/forward/mqtt-uplink.ts';
import type { Uplink } from '../../edge-agent/forward/uplink.ts';
import type { Clock } from '../../protocols/clock.ts';
import type { Sample, TimeUs } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';
import { createMemoryBuffer } from './memory-buffer.ts';

export interface VirtualAgentOptions {
  readonly agent: string;
  readonly site: string;
  readonly sources: readonly DeclaredSource[];
  readonly clock: Clock;
  readonly mqttUrl: string;
  readonly password: string;
  /** Hears what is reported of what was read. */
  reported?(samples: readonly Sample[]): void;
}

export interface VirtualSource {
  /** What was just read; the first one of a session holds every tag. */
  read(reading: Reading): Promise<void>;
  /** The connection is lost; the next reading begins another session. */
  lost(): Promise<void>;
  /** The agent has crashed: the session ends without a word. */
  crashed(): void;
}

export interface VirtualAgent extends AsyncDisposable {
  /** Ids by path, health tags included. */
  readonly ids: ReadonlyMap<string, number>;
  source(id: string): VirtualSource;
  /** Accepts what has been read. */
  flush(): Promise<void>;
  /** Accepts frames that somebody else has made. */
  append(chunks: readonly Chunk[], acceptedAt?: TimeUs): Promise<void>;
  /** Numbers that will never come. */
  readonly buffer: Buffer;
  connect(): void;
  disconnect(): Promise<void>;
  /** Resolves when the hub has settled everything that was accepted. */
  settled(): Promise<void>;
}

const healthIntervalMs = 5000;
/** The test says when; this is only how long it may take to say so. */
const acceptanceMs = 60_000;
const longestSettleMs = 120_000;

export async function openVirtualAgent(options: VirtualAgentOptions): Promise<VirtualAgent> {
  const { agent, site, sources, clock, mqttUrl, password } = options;
  const log = { info() {}, warn() {}, error() {} };
  const buffer = createMemoryBuffer();
  const book = await openTagBook({ buffer, site, sources, healthIntervalMs, announce() {}, log });
  const { revision, tags } = book.registered;
  const mqtt = createMqttUplink({ url: mqttUrl, agent, password });
  let onAck: (() => void) | undefined;
  const uplink: Uplink = {
    connect(handlers, signal) {
      const hear: typeof handlers.onAck = (ack) => {
        handlers.onAck(ack);
        onAck?.();
      };
      return mqtt.connect({ ...handlers, onAck: hear }, signal);
    },
  };
  const forwarder = createForwarder({
    buffer,
    uplink,
    manifest: { revision, site, tags: [...tags] },
    bootId: randomUUID(),
    version: 'virtual',
    log,
  });
  const giveUp = new AbortController();
  const acceptor = startAcceptor({
    buffer,
    manifestRevision: revision,
    keepOf: book.keepOf,
    now: clock.now,
    intervalMs: acceptanceMs,
    log,
    giveUp: giveUp.signal,
    onAccepted: forwarder.accepted,
  });
  let connection: { stop: AbortController; ended: Promise<void> } | undefined;
  const disconnect = async () => {
    connection?.stop.abort();
    await connection?.ended;
    connection = undefined;
  };

  return {
    ids: book.ids,
    buffer,
    source(id) {
      const ownTags = new Map(book.tagsOf(id).map((tag) => [tag.id, reportingOf(tag)]));
      const sampler = createSampler(ownTags, clock.now);
      let health = createSourceHealth(id, book.ids, healthIntervalMs);
      // In the order in which the agent's supervisor does it.
      return {
        async read(reading) {
          const now = clock.now();
          if (!health.up) sampler.reset();
          const samples = sampler.take(reading.samples, now);
          options.reported?.(samples);
          await acceptor.add([...samples, ...health.after(reading, now)]);
        },
        lost: () => acceptor.add(health.ended(clock.now())),
        crashed() {
          health = createSourceHealth(id, book.ids, healthIntervalMs);
        },
      };
    },
    flush: acceptor.flush,
    async append(chunks, acceptedAt = clock.now()) {
      await buffer.append({
        after: buffer.state().next - 1,
        chunks,
        acceptedAt,
        manifestRevision: revision,
      });
      forwarder.accepted();
    },
    connect() {
      const stop = new AbortController();
      connection ??= { stop, ended: forwarder.run(stop.signal) };
    },
    disconnect,
    async settled() {
      const isSettled = () => forwarder.through >= buffer.state().next - 1;
      if (isSettled()) return;
      const timeout = AbortSignal.timeout(longestSettleMs);
      await new Promise<void>((resolve, reject) => {
        timeout.onabort = () => reject(new Error(`${agent}: not settled; ${forwarder.lastError?.message}`));
        onAck = () => isSettled() && resolve();
      });
      timeout.onabort = null;
      onAck = undefined;
    },
    async [Symbol.asyncDispose]() {
      await acceptor.flush();
      giveUp.abort();
      await disconnect();
    },
  };
}
