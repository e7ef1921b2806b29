/**
 * The loop buffer → uplink → ack. Holds a window of frames in flight, goes back to the last acknowledged number on any
 * doubt, and lets the buffer go of nothing but what the hub says is settled (delivery rules R5 to R8, R16, R22). Streams
 * go one after the other: what was salvaged of a damaged buffer, and then what is being measured.
 */

import { ConnectionError } from '../protocols/errors.ts';
import { encodePayload, maxFrameSamples, sealFrame, toColumns } from '../protocols/frame.ts';
import type { Manifest } from '../protocols/manifest.ts';
import type { Ack, HubState } from '../protocols/messages.ts';
import type { Sample, TimeUs } from '../protocols/sample.ts';
import { type Agreement, createAgreement } from './agreement.ts';
import { type Buffer, isDiskTrouble, type OutgoingStream } from './buffer.ts';
import { type Releaser, startReleaser } from './release.ts';
import { createSendWindow, type SendWindow } from './send-window.ts';
import type { Uplink, UplinkSession } from './uplink.ts';
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
}

/** `paused`: the hub takes nothing just now, and will say when it does again. */
export type LinkState = 'connecting' | 'waiting for hub' | 'greeting' | 'forwarding' | 'paused';

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

const longestTimeoutMs = 60_000;
const longestRetryMs = 60_000;
const nackPauseMs = 500;
/** After an error of the disk, before it is asked again. */
const diskPauseMs = 1000;
/** A backlog so old is news to screens no more: they are sent what is newest, this often. */
const liveAfterUs = 2_000_000;
const liveEveryMs = 1000;
/** Until a person has decided at the hub, this is what the agent shows. */
const quarantined = new ConnectionError('the hub has put this agent in quarantine: two gateways use its name', {
  code: 'quarantine',
});

export function createForwarder(options: ForwardOptions): Forwarder {
  const { buffer, uplink, log, newest, now = () => Date.now() * 1000 } = options;
  const { maxBytesInFlight = 4 * 1024 * 1024, ackTimeoutMs = 5000, pauseMs = 30_000 } = options;
  const wake = createWake();
  let { manifest } = options;
  let link: LinkState = 'connecting';
  let linkSinceMs = performance.now();
  let lastError: Error | undefined;
  let resent = 0;

  // Of the stream that is sent:
  let stream: OutgoingStream = buffer.outgoing();
  let epoch = stream.state().epoch;
  let frames: SendWindow = windowOf(stream);
  let agreement: Agreement = createAgreement(stream);
  let releaser: Releaser | undefined;
  /** The hub has other frames after this number. */
  let partedAfter: number | undefined;

  // Of the current connection:
  let hub: HubState | undefined;
  /** A welcome of which it is not known whether it speaks of these frames. */
  let answer: Ack | undefined;
  let welcome: Ack | undefined;
  let window = 1;
  let pauseUntil = 0;
  let timeoutMs = ackTimeoutMs;
  let sendManifest = false;
  let failed: Error | undefined;
  let liveAt = 0;

  function windowOf(next: OutgoingStream): SendWindow {
    return createSendWindow(next.state().acked, maxBytesInFlight);
  }

  const adopt = async (next: OutgoingStream) => {
    await releaser?.[Symbol.asyncDispose]();
    releaser = startRelease(next);
    stream = next;
    ({ epoch } = next.state());
    frames = windowOf(next);
    agreement = createAgreement(next);
    welcome = answer = undefined;
    partedAfter = undefined;
  };
  const startRelease = (of: OutgoingStream): Releaser =>
    startReleaser(of, (err) => log.warn({ err }, 'could not release from the buffer; trying again'));

  const setLink = (state: LinkState) => {
    if (state === 'forwarding') lastError = undefined;
    if (state === link) return;
    link = state;
    linkSinceMs = performance.now();
  };

  const goBack = () => {
    resent += frames.goBack();
  };

  const onAck = (ack: Ack) => {
    if (ack.epoch !== epoch) return;
    if (ack.kind === 'welcome') answer = ack;
    else if (!welcome || ack.hubBoot !== welcome.hubBoot || ack.through > frames.sentTo) {
      welcome = undefined;
      if (ack.reason === 'hello') answer = undefined;
      if (ack.reason === 'identity') lastError = quarantined;
    } else {
      const tookMs = frames.settle(ack.through);
      if (tookMs !== undefined) timeoutMs = Math.min(longestTimeoutMs, Math.max(ackTimeoutMs, 3 * tookMs));
      if (ack.through >= frames.through) releaser?.release(ack.through);
      if (ack.kind === 'nack') refused(ack);
    }
    window = ack.window;
    wake.ring();
  };

  /** Takes up a welcome whose numbers are those of this stream. */
  const begin = (ack: Ack) => {
    welcome = ack;
    // A hub that knows less than before gets again what is still here.
    if (ack.through < frames.through) {
      releaser?.rewind(ack.through);
      void stream.rewind(ack.through).catch(noteFailure);
    } else releaser?.release(ack.through);
    resent += frames.restart(ack.through);
    const { revision } = stream.manifest ?? manifest;
    // Of a damaged buffer it may be lost.
    sendManifest = revision > 0 && ack.manifestRevision !== revision;
  };

  const weigh = async (ack: Ack) => {
    const finding = await agreement.weigh(ack);
    // Meanwhile there may be another, or none.
    if (answer !== ack) return;
    answer = undefined;
    if (finding === 'agreed') begin(ack);
    else if (finding !== 'open') {
      ({ partedAfter } = finding);
      const fields = { through: ack.through, partedAfter, next: stream.state().next, alarm: 'BUFFER_REGRESSED' };
      log.error(
        fields,
        'the hub holds other numbers than this buffer: what follows the last common one gets a new epoch',
      );
    }
  };

  const greetLater = (): number => {
    welcome = undefined;
    pauseUntil = performance.now() + nackPauseMs;
    return 1;
  };

  const refused = ({ through, reason }: Ack) => {
    if (reason === 'identity') lastError = quarantined;
    log.warn({ through, reason }, 'the hub refused a frame; going back');
    goBack();
    sendManifest ||= reason === 'manifest';
    // One that knows less than it did says in its welcome from where to go on.
    if (reason === 'hello' || through < frames.through) greetLater();
    pauseUntil = performance.now() + nackPauseMs;
  };

  const noteFailure = (error: Error) => {
    failed ??= error;
    wake.ring();
  };

  const greet = async (session: UplinkSession, signal: AbortSignal) => {
    setLink('greeting');
    const compare = agreement.questions;
    if (compare.length === 0) {
      const until = Math.max(pauseUntil, performance.now() + Math.random() * hub!.spreadMs);
      const mayStill = () => hub?.online && !failed;
      while (performance.now() < until && mayStill() && !signal.aborted)
        await wake.wait(until - performance.now(), signal);
      if (!mayStill()) return;
    }
    const { next, minRetained } = stream.state();
    const { bootId, version } = options;
    const { revision: manifestRevision } = stream.manifest ?? manifest;
    const greeting = { epoch, bootId, minRetained, next, acked: frames.through, manifestRevision, version };
    const asking = compare.length > 0 ? { ...greeting, compare: [...compare] } : greeting;
    answer = undefined;
    await session.hello(stream.manifest ? { ...asking, final: true } : asking);
    const deadline = performance.now() + timeoutMs;
    while (!answer && !failed && hub?.online && performance.now() < deadline && !signal.aborted) {
      await wake.wait(deadline - performance.now(), signal);
    }
    const hasAnswered = answer !== undefined;
    if (answer) await weigh(answer);
    timeoutMs = hasAnswered ? ackTimeoutMs : Math.min(longestTimeoutMs, timeoutMs * 2);
  };

  /** How many frames went out; or 1 when something has changed meanwhile. */
  const send = async (session: UplinkSession): Promise<number> => {
    const room = frames.room(window);
    if (room.frames <= 0 || room.bytes <= 0 || performance.now() < pauseUntil) return 0;
    const sending = frames;
    const from = sending.cursor;
    const found = await stream.peek(from, room);
    // Frames of a manifest that was announced meanwhile come after it.
    if (frames !== sending || sending.cursor !== from || sendManifest) return 1;
    // What the hub asks for is here no more: the next greeting says so.
    if (stream.state().minRetained > from + 1) return greetLater();
    for (const frame of found) {
      sending.sent(frame);
      session.data(frame.bytes).catch(noteFailure);
    }
    return found.length;
  };

  /** What screens show meanwhile: neither stored nor waited for. */
  const sendLive = (session: UplinkSession) => {
    if (!newest || performance.now() - liveAt < liveEveryMs) return;
    const { oldest } = frames;
    const isLate = oldest ? now() - oldest.acceptedAt > liveAfterUs : window === 0;
    if (!isLate) return;
    liveAt = performance.now();
    const samples = newest().slice(0, maxFrameSamples);
    if (samples.length === 0) return;
    const header = { epoch: buffer.state().epoch, first: 1, count: samples.length, acceptedAt: now() };
    const frame = sealFrame({ ...header, manifestRevision: manifest.revision }, encodePayload(toColumns(samples)));
    session.live(frame).catch(noteFailure);
  };

  const idle = async (signal: AbortSignal) => {
    const nowMs = performance.now();
    const ends = [nowMs + longestTimeoutMs];
    if (frames.oldest) ends.push(frames.oldest.sentAt + timeoutMs);
    if (pauseUntil > nowMs) ends.push(pauseUntil);
    if (link === 'paused') ends.push(linkSinceMs + pauseMs);
    if (newest && (frames.oldest || window === 0)) ends.push(Math.max(nowMs, liveAt) + liveEveryMs);
    await wake.wait(Math.max(0, Math.min(...ends) - nowMs), signal);
  };

  /** No answer to what was sent, or none to say that a pause is over. */
  const isUnanswered = (): boolean => {
    const nowMs = performance.now();
    const { oldest } = frames;
    if (oldest && oldest.sentAt + timeoutMs <= nowMs) {
      const fields = { through: frames.through, inFlight: frames.frames, timeoutMs };
      log.warn(fields, 'no acknowledgement; greeting the hub again');
      timeoutMs = Math.min(longestTimeoutMs, timeoutMs * 2);
      return true;
    }
    return link === 'paused' && linkSinceMs + pauseMs <= nowMs;
  };

  const runSession = async (session: UplinkSession, signal: AbortSignal) => {
    void session.closed.then((error) => noteFailure(error ?? new ConnectionError('the broker closed the connection')));
    while (!signal.aborted) {
      if (failed) throw failed;
      const next = buffer.outgoing();
      if (partedAfter !== undefined) await stream.renew(partedAfter);
      if (partedAfter !== undefined || next.state().epoch !== epoch) await adopt(buffer.outgoing());
      else if (!hub?.online) {
        setLink('waiting for hub');
        welcome = answer = undefined;
        await wake.wait(longestTimeoutMs, signal);
      } else if (!welcome) {
        await greet(session, signal);
      } else if (sendManifest) {
        sendManifest = false;
        await session.manifest(stream.manifest ?? { epoch, ...manifest });
      } else {
        setLink(window === 0 ? 'paused' : 'forwarding');
        sendLive(session);
        if ((await send(session)) > 0) continue;
        if (isUnanswered()) welcome = undefined;
        else await idle(signal);
      }
    }
  };

  const connectOnce = async (signal: AbortSignal) => {
    hub = welcome = answer = failed = undefined;
    goBack();
    setLink('connecting');
    const onHubState = (state: HubState) => {
      if (state.hubBoot !== hub?.hubBoot) welcome = answer = undefined;
      hub = state;
      wake.ring();
    };
    await using session = await uplink.connect({ onAck, onHubState }, signal);
    log.info({}, 'connected to the broker');
    for (;;) {
      try {
        return await runSession(session, signal);
      } catch (error) {
        if (!isDiskTrouble(error)) throw error;
        log.warn({ err: error }, 'the disk fails; what is on it is sent when it can be read');
        if (failed === error) failed = undefined;
        goBack();
        await wait(diskPauseMs, signal);
      }
    }
  };

  return {
    get link() {
      return link;
    },
    get through() {
      return epoch === buffer.state().epoch ? frames.through : buffer.state().acked;
    },
    get isDraining() {
      return stream.manifest !== undefined;
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
      releaser = startRelease(stream);
      try {
        for (let failures = 0; !signal.aborted; ) {
          const startedAt = performance.now();
          try {
            await connectOnce(signal);
          } catch (error) {
            if (signal.aborted) break;
            if (!(error instanceof ConnectionError)) throw error;
            lastError = error;
            if (failures === 0)
              log.warn({ err: error }, 'connection to the hub lost; keeping everything and trying again');
          }
          setLink('connecting');
          failures = performance.now() - startedAt > longestRetryMs ? 0 : failures + 1;
          // Full jitter, so that a thousand agents do not come back at once.
          if (!signal.aborted) await wait(Math.random() * Math.min(longestRetryMs, 500 * 2 ** failures), signal);
        }
      } finally {
        await releaser[Symbol.asyncDispose]();
      }
    },
  };

  async function wait(ms: number, signal: AbortSignal) {
    const until = performance.now() + ms;
    while (performance.now() < until && !signal.aborted) await wake.wait(until - performance.now(), signal);
  }
}
