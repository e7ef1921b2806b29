/**
 * The loop buffer → uplink → ack. Holds a window of frames in flight, goes back to the last acknowledged number on any
 * doubt, and lets the buffer go of nothing but what the hub says is settled (delivery rules R5 to R8, R16).
 */
import { ConnectionError } from '../protocols/errors.ts';
import type { Manifest } from '../protocols/manifest.ts';
import type { Ack, HubState } from '../protocols/messages.ts';
import type { Buffer } from './buffer.ts';
import { startReleaser } from './release.ts';
import type { Uplink, UplinkSession } from './uplink.ts';
import { createWake } from './wake.ts';

export interface ForwardOptions {
  readonly buffer: Buffer;
  readonly uplink: Uplink;
  /** As it is at the start; `announce` gives another one. */
  readonly manifest: Manifest;
  readonly bootId: string;
  readonly version: string;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Bytes sent and not yet acknowledged. */
  readonly maxBytesInFlight?: number;
  /** Least time that an acknowledgement may take, ms. */
  readonly ackTimeoutMs?: number;
}

/** `regressed` is final: the hub knows numbers that this buffer has not given yet (R6), a person must look. */
export type LinkState = 'connecting' | 'waiting for hub' | 'greeting' | 'forwarding' | 'regressed';

export interface Forwarder {
  /** Forwards until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** There is something new in the buffer. */
  accepted(): void;
  /** From now on tags are described so. No frame leaves before the hub has got it. */
  announce(manifest: Manifest): void;
  readonly link: LinkState;
  /** Since when the link is so, ms as of performance.now(). */
  readonly linkSinceMs: number;
  /** Why the last connection ended or could not be made; undefined while frames flow. */
  readonly lastError: Error | undefined;
  /** The highest number that the hub has settled. */
  readonly through: number;
  readonly resent: number;
}

const longestTimeoutMs = 60_000;
const longestRetryMs = 60_000;
const nackPauseMs = 500;
/** Until a person has decided at the hub, this is what the agent shows. */
const quarantined = new ConnectionError('the hub has put this agent in quarantine: two gateways use its name', {
  code: 'quarantine',
});

export function createForwarder(options: ForwardOptions): Forwarder {
  const { buffer, uplink, log, maxBytesInFlight = 4 * 1024 * 1024, ackTimeoutMs = 5000 } = options;
  const { epoch } = buffer.state();
  const wake = createWake();
  let manifest = options.manifest;
  let link: Exclude<LinkState, 'regressed'> = 'connecting';
  let linkSinceMs = performance.now();
  let lastError: Error | undefined;
  let regressed = false;
  let through = buffer.state().acked;
  let resent = 0;
  /** What the buffer held at the start or has sent since: a hub that settled more knew another buffer of this epoch. */
  let known = buffer.state().next - 1;

  // Of the current connection:
  let hub: HubState | undefined;
  let welcome: Ack | undefined;
  let cursor = 0;
  let window = 1;
  let inFlight: { last: number; size: number; sentAt: number }[] = [];
  let pauseUntil = 0;
  let timeoutMs = ackTimeoutMs;
  let sendManifest = false;
  let failed: Error | undefined;

  const setLink = (state: typeof link) => {
    if (state === 'forwarding') lastError = undefined;
    if (state === link) return;
    link = state;
    linkSinceMs = performance.now();
  };

  const goBack = () => {
    resent += inFlight.length;
    inFlight = [];
    cursor = through;
  };

  const onAck = (releaser: { release(through: number): void }) => (ack: Ack) => {
    if (ack.epoch !== epoch) return;
    if (ack.through > known) {
      regressed = true;
      linkSinceMs = performance.now();
      log.error(
        { through: ack.through, next: buffer.state().next, alarm: 'BUFFER_REGRESSED' },
        'the hub holds numbers that this buffer has not given: stopped; keep the buffer folder and start the agent with a new dataDir',
      );
    } else if (ack.kind === 'welcome') {
      welcome = ack;
      advance(ack.through);
      goBack();
      // A hub that knows less than before gets again what is still here.
      cursor = ack.through;
      sendManifest = ack.manifestRevision !== manifest.revision;
    } else if (!welcome || ack.hubBoot !== welcome.hubBoot) {
      welcome = undefined;
      if (ack.reason === 'identity') lastError = quarantined;
    } else {
      advance(ack.through);
      if (ack.kind === 'nack') {
        if (ack.reason === 'identity') lastError = quarantined;
        log.warn({ through: ack.through, reason: ack.reason }, 'the hub refused a frame; going back');
        goBack();
        sendManifest ||= ack.reason === 'manifest';
        pauseUntil = performance.now() + nackPauseMs;
      }
    }
    window = ack.window;
    wake.ring();

    function advance(to: number) {
      if (to < through) return;
      through = to;
      cursor = Math.max(cursor, to);
      const settled = inFlight.findLast((frame) => frame.last <= to);
      if (settled) {
        inFlight = inFlight.filter((frame) => frame.last > to);
        timeoutMs = Math.max(ackTimeoutMs, 3 * (performance.now() - settled.sentAt));
      }
      releaser.release(to);
    }
  };

  const greet = async (session: UplinkSession, signal: AbortSignal) => {
    setLink('greeting');
    await wake.wait(Math.random() * hub!.spreadMs, signal);
    const { next, minRetained } = buffer.state();
    const { bootId, version } = options;
    const greeting = { epoch, bootId, minRetained, next, acked: through, manifestRevision: manifest.revision, version };
    await session.hello(greeting);
    const deadline = performance.now() + timeoutMs;
    while (!welcome && !failed && hub?.online && !regressed && performance.now() < deadline && !signal.aborted) {
      await wake.wait(deadline - performance.now(), signal);
    }
    timeoutMs = welcome ? ackTimeoutMs : Math.min(longestTimeoutMs, timeoutMs * 2);
  };

  const send = async (session: UplinkSession) => {
    const bytesInFlight = inFlight.reduce((sum, frame) => sum + frame.size, 0);
    const room = { frames: window - inFlight.length, bytes: maxBytesInFlight - bytesInFlight };
    if (room.frames <= 0 || room.bytes <= 0 || performance.now() < pauseUntil) return 0;
    const from = cursor;
    const frames = await buffer.peek(from, room);
    // Frames of a manifest that was announced meanwhile come after it.
    if (cursor !== from || sendManifest) return 1;
    for (const frame of frames) {
      inFlight.push({ last: frame.last, size: frame.bytes.length, sentAt: performance.now() });
      cursor = frame.last;
      known = Math.max(known, frame.last);
      session.data(frame.bytes).catch((error: Error) => {
        failed ??= error;
        wake.ring();
      });
    }
    return frames.length;
  };

  const runSession = async (session: UplinkSession, signal: AbortSignal) => {
    void session.closed.then((error) => {
      failed ??= error ?? new ConnectionError('the broker closed the connection');
      wake.ring();
    });
    while (!signal.aborted && !regressed) {
      if (failed) throw failed;
      if (!hub?.online) {
        setLink('waiting for hub');
        welcome = undefined;
        await wake.wait(longestTimeoutMs, signal);
      } else if (!welcome) {
        await greet(session, signal);
      } else if (sendManifest) {
        sendManifest = false;
        await session.manifest(manifest);
      } else {
        setLink('forwarding');
        if ((await send(session)) > 0) continue;
        const oldest = inFlight[0]?.sentAt ?? Number.POSITIVE_INFINITY;
        const timeLeft =
          Math.min(oldest + timeoutMs, pauseUntil > performance.now() ? pauseUntil : Number.POSITIVE_INFINITY) -
          performance.now();
        if (oldest + timeoutMs <= performance.now()) {
          log.warn({ through, inFlight: inFlight.length, timeoutMs }, 'no acknowledgement; greeting the hub again');
          timeoutMs = Math.min(longestTimeoutMs, timeoutMs * 2);
          welcome = undefined;
        } else await wake.wait(Math.min(timeLeft, longestTimeoutMs), signal);
      }
    }
  };

  const connectOnce = async (releaser: { release(through: number): void }, signal: AbortSignal) => {
    hub = welcome = failed = undefined;
    inFlight = [];
    setLink('connecting');
    const onHubState = (state: HubState) => {
      if (state.hubBoot !== hub?.hubBoot) welcome = undefined;
      hub = state;
      wake.ring();
    };
    await using session = await uplink.connect({ onAck: onAck(releaser), onHubState }, signal);
    log.info({}, 'connected to the broker');
    await runSession(session, signal);
  };

  return {
    get link() {
      return regressed ? 'regressed' : link;
    },
    get through() {
      return through;
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
      sendManifest = true;
      wake.ring();
    },
    async run(signal) {
      await using releaser = startReleaser(buffer, (err) =>
        log.warn({ err }, 'could not release from the buffer; trying again'),
      );
      for (let failures = 0; !signal.aborted && !regressed; ) {
        const startedAt = performance.now();
        try {
          await connectOnce(releaser, signal);
        } catch (error) {
          if (signal.aborted) break;
          if (!(error instanceof ConnectionError)) throw error;
          lastError = error;
          if (failures === 0)
            log.warn({ err: error }, 'connection to the hub lost; keeping everything and trying again');
        }
        setLink('connecting');
        failures = performance.now() - startedAt > longestRetryMs ? 0 : failures + 1;
        if (!signal.aborted && !regressed) await pause(Math.min(longestRetryMs, 500 * 2 ** failures), signal);
      }
    },
  };

  /** Full jitter, so that a thousand agents do not come back at once. */
  async function pause(longestMs: number, signal: AbortSignal) {
    const until = performance.now() + Math.random() * longestMs;
    while (performance.now() < until && !signal.aborted) await wake.wait(until - performance.now(), signal);
  }
}
