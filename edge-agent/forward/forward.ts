/**
 * The loop buffer → uplink → ack, for ever: connects to the hub, comes back when the connection is lost, and lets the
 * buffer go of nothing but what the hub says is settled (delivery rules R5 to R8, R16, R22). What is said on a
 * connection is in `conversation.ts`.
 */
import { ConnectionError } from '../../protocols/errors.ts';
import type { Manifest } from '../../protocols/manifest.ts';
import type { Sample, TimeUs } from '../../protocols/sample.ts';
import { type Buffer, isDiskTrouble } from '../buffer/buffer.ts';
import { type Conversation, createConversation, type LinkState } from './conversation.ts';
import { createLive } from './live.ts';
import { createRetries } from './retries.ts';
import { startSending } from './sending.ts';
import type { Uplink } from './uplink.ts';
import { createWake } from './wake.ts';

export interface ForwardOptions {
  readonly buffer: Pick<Buffer, 'outgoing' | 'state'>;
  readonly uplink: Uplink;
  /** As it is at the start; `announce` gives another one. Its epoch is that of the stream that is sent. */
  readonly manifest: Omit<Manifest, 'epoch'>;
  readonly bootId: string;
  readonly version: string;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** The newest sample of every tag that has changed since the last call; absent: screens wait for the backlog. */
  readonly newest?: () => readonly Sample[];
  /** Of the machine, as `acceptedAt` is: by it is judged how old a backlog is. */
  readonly now?: () => TimeUs;
  /** Bytes sent and not yet acknowledged. */
  readonly maxBytesInFlight?: number;
  /** Least time that an acknowledgement may take, ms. */
  readonly ackTimeoutMs?: number;
  /** How long a pause of the hub is taken for one, ms; then it is greeted again. */
  readonly pauseMs?: number;
  /** How long a hub that is waited for may say nothing over one connection, ms. */
  readonly silenceMs?: number;
}

export interface Forwarder {
  /** Forwards until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** There is something new in the buffer. */
  accepted(): void;
  /** From now on tags are described so. No frame leaves before the hub has got it. */
  announce(manifest: Omit<Manifest, 'epoch'>): void;
  readonly link: LinkState;
  /** Since when the link is so, ms as of performance.now(). */
  readonly linkSinceMs: number;
  /** Why the last connection ended or could not be made; undefined while frames flow. */
  readonly lastError: Error | undefined;
  /** The highest number of the stream that is being measured which the hub has settled. */
  readonly through: number;
  /** Whether a salvaged stream is being sent, before this one. */
  readonly isDraining: boolean;
  readonly resent: number;
}

/** After an error of the disk, before it is asked again. */
const diskPauseMs = 1000;
/** Until a person has decided at the hub, this is what the agent shows. */
const quarantined = new ConnectionError('the hub has put this agent in quarantine: two gateways use its name', {
  code: 'quarantine',
});

export function createForwarder(options: ForwardOptions): Forwarder {
  const { buffer, uplink, bootId, version, log, newest, now = () => Date.now() * 1000 } = options;
  const { maxBytesInFlight = 4 * 1024 * 1024, ackTimeoutMs = 5000, pauseMs = 30_000, silenceMs = 60_000 } = options;
  const wake = createWake();
  let { manifest } = options;
  let link: LinkState = 'connecting';
  let linkSinceMs = performance.now();
  let lastError: Error | undefined;
  let resent = 0;
  let conversation: Conversation | undefined;
  let spreadMs = 0;

  const sending = startSending({ buffer, maxBytesInFlight, onError: (error) => conversation?.fail(error), log });
  const live = createLive({
    newest,
    now,
    header: () => ({ epoch: buffer.state().epoch, manifestRevision: manifest.revision }),
  });

  const onLink = (state: LinkState) => {
    if (state === 'forwarding') lastError = undefined;
    if (state === link) return;
    link = state;
    linkSinceMs = performance.now();
  };
  const onResent = (frames: number) => {
    resent += frames;
  };
  const conversationOptions = {
    sending,
    live,
    wake,
    manifest: () => sending.stream.manifest ?? { epoch: sending.epoch, ...manifest },
    bootId,
    version,
    ackTimeoutMs,
    pauseMs,
    silenceMs,
    onLink,
    onResent,
    onQuarantine() {
      lastError = quarantined;
    },
    log,
  };

  const wait = async (ms: number, signal: AbortSignal) => {
    const until = performance.now() + ms;
    while (performance.now() < until && !signal.aborted) await wake.wait(until - performance.now(), signal);
  };

  const connectOnce = async (signal: AbortSignal) => {
    onResent(sending.frames.goBack());
    conversation = createConversation(conversationOptions);
    await using session = await uplink.connect(conversation, signal);
    log.info({}, 'connected to the broker');
    for (;;) {
      try {
        return await conversation.run(session, signal);
      } catch (error) {
        if (!isDiskTrouble(error)) throw error;
        log.warn({ err: error }, 'the disk fails; what is on it is sent when it can be read');
        onResent(sending.frames.goBack());
        await wait(diskPauseMs, signal);
      } finally {
        spreadMs = conversation.spreadMs ?? spreadMs;
      }
    }
  };

  return {
    get link() {
      return link;
    },
    get through() {
      return sending.epoch === buffer.state().epoch ? sending.frames.through : buffer.state().acked;
    },
    get isDraining() {
      return sending.stream.manifest !== undefined;
    },
    get resent() {
      return resent;
    },
    get linkSinceMs() {
      return linkSinceMs;
    },
    get lastError() {
      return lastError;
    },
    accepted: wake.ring,
    announce(next) {
      manifest = next;
      conversation?.announce();
    },
    async run(signal) {
      try {
        for (const retries = createRetries(); !signal.aborted; ) {
          const startedAt = performance.now();
          try {
            await connectOnce(signal);
          } catch (error) {
            if (signal.aborted) break;
            if (!(error instanceof ConnectionError)) throw error;
            lastError = error;
            if (retries.failures === 0)
              log.warn({ err: error }, 'connection to the hub lost; keeping everything and trying again');
          }
          // A hub that was waited for is so still.
          if (!conversation?.wasSilent) onLink('connecting');
          const delivered = conversation?.hasDelivered === true;
          retries.ended({ lastedMs: performance.now() - startedAt, delivered });
          if (!signal.aborted) await wait(retries.waitMs(spreadMs), signal);
        }
      } finally {
        await sending[Symbol.asyncDispose]();
      }
    },
  };
}
