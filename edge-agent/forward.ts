/**
 * The loop buffer → uplink → ack. Holds a window of frames in flight, goes back to the last acknowledged number on any
 * doubt, and lets the buffer go of nothing but what the hub says is settled (delivery rules R5 to R8, R16, R22). Streams
 * go one after the other: what was salvaged of a damaged buffer, and then what is being measured.
 */
import { ConnectionError } from '../protocols/errors.ts';
import type { Manifest } from '../protocols/manifest.ts';
import type { Ack, HubState } from '../protocols/messages.ts';
import type { Sample, TimeUs } from '../protocols/sample.ts';
import { type Buffer, isDiskTrouble } from './buffer.ts';
import { createLive } from './live.ts';
import { startSending } from './sending.ts';
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
/** Before a greeting is said once more because the hub wants it so. */
const unheededMs = 50;
/** After an error of the disk, before it is asked again. */
const diskPauseMs = 1000;
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

  const noteFailure = (error: Error) => {
    failed ??= error;
    wake.ring();
  };
  const sending = startSending({ buffer, maxBytesInFlight, onError: noteFailure, log });
  const live = createLive({ newest, now });
  const manifestOfStream = () => sending.stream.manifest ?? { epoch: sending.epoch, ...manifest };

  // Of the current connection:
  let hub: HubState | undefined;
  /** Of that boot of the hub. */
  let heard: number | undefined;
  /** A welcome of which it is not known whether it speaks of these frames. */
  let answer: Ack | undefined;
  /** The hub wants another greeting than the one that is under way. */
  let isUnheeded = false;
  let welcome: Ack | undefined;
  let window = 1;
  let pauseUntil = 0;
  let timeoutMs = ackTimeoutMs;
  let sendManifest = false;
  let failed: Error | undefined;

  const setLink = (state: LinkState) => {
    if (state === 'forwarding') lastError = undefined;
    if (state === link) return;
    link = state;
    linkSinceMs = performance.now();
  };

  const goBack = () => {
    resent += sending.frames.goBack();
  };

  const onAck = (ack: Ack) => {
    if (ack.answer !== undefined) heard = Math.max(heard ?? 0, ack.answer);
    if (ack.epoch !== sending.epoch) return;
    if (ack.kind === 'welcome') answer = ack;
    else if (!welcome || ack.hubBoot !== welcome.hubBoot || ack.through > sending.frames.sentTo) {
      welcome = undefined;
      if (ack.reason === 'hello') {
        answer = undefined;
        isUnheeded = true;
      }
      if (ack.reason === 'identity') lastError = quarantined;
    } else {
      const tookMs = sending.settle(ack.through);
      if (tookMs !== undefined) timeoutMs = Math.min(longestTimeoutMs, Math.max(ackTimeoutMs, 3 * tookMs));
      if (ack.kind === 'nack') refused(ack);
    }
    window = ack.window;
    wake.ring();
  };

  /** Takes up a welcome whose numbers are those of this stream. */
  const begin = (ack: Ack) => {
    welcome = ack;
    resent += sending.begin(ack.through);
    const { revision } = manifestOfStream();
    // Of a damaged buffer it may be lost.
    sendManifest = revision > 0 && ack.manifestRevision !== revision;
  };

  const weigh = async (ack: Ack) => {
    const finding = await sending.weigh(ack);
    // Meanwhile there may be another, or none.
    if (answer !== ack) return;
    answer = undefined;
    if (finding === 'agreed') begin(ack);
    else if (finding !== 'open') {
      sending.part(finding.partedAfter);
      const { next } = sending.stream.state();
      const fields = { through: ack.through, ...finding, next, alarm: 'BUFFER_REGRESSED' };
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
    if (reason === 'hello' || through < sending.frames.through) greetLater();
    pauseUntil = performance.now() + nackPauseMs;
  };

  const greet = async (session: UplinkSession, signal: AbortSignal) => {
    setLink('greeting');
    const compare = sending.questions;
    if (compare.length === 0) {
      const spreadMs = isUnheeded ? unheededMs : Math.random() * hub!.spreadMs;
      const until = Math.max(pauseUntil, performance.now() + spreadMs);
      const mayStill = () => hub?.online && !failed;
      while (performance.now() < until && mayStill() && !signal.aborted)
        await wake.wait(until - performance.now(), signal);
      if (!mayStill()) return;
    }
    const { epoch, next, minRetained } = sending.stream.state();
    const acked = sending.frames.through;
    const { bootId, version } = options;
    const { revision: manifestRevision } = manifestOfStream();
    const greeting = { epoch, bootId, heard, minRetained, next, acked, manifestRevision, version };
    const asking = compare.length > 0 ? { ...greeting, compare: [...compare] } : greeting;
    answer = undefined;
    isUnheeded = false;
    await session.hello(sending.stream.manifest ? { ...asking, final: true } : asking);
    const deadline = performance.now() + timeoutMs;
    const goesOn = () => !answer && !isUnheeded && !failed && hub?.online && performance.now() < deadline;
    while (goesOn() && !signal.aborted) await wake.wait(deadline - performance.now(), signal);
    const hasAnswered = answer !== undefined || isUnheeded;
    if (answer) await weigh(answer);
    timeoutMs = hasAnswered ? ackTimeoutMs : Math.min(longestTimeoutMs, timeoutMs * 2);
  };

  /** How many frames went out; or 1 when something has changed meanwhile. */
  const send = async (session: UplinkSession): Promise<number> => {
    const { stream, frames } = sending;
    const room = frames.room(window);
    if (room.frames <= 0 || room.bytes <= 0 || performance.now() < pauseUntil) return 0;
    const from = frames.cursor;
    const found = await stream.peek(from, room);
    // Frames of a manifest that was announced meanwhile come after it.
    if (sending.frames !== frames || frames.cursor !== from || sendManifest) return 1;
    // What the hub asks for is here no more: the next greeting says so.
    if (stream.state().minRetained > from + 1) return greetLater();
    for (const frame of found) {
      frames.sent(frame);
      session.data(frame.bytes).catch(noteFailure);
    }
    return found.length;
  };

  const show = (session: UplinkSession) => {
    const header = { epoch: buffer.state().epoch, manifestRevision: manifest.revision };
    const frame = live.due(sending.frames.oldest?.acceptedAt, window === 0, header);
    if (frame) session.live(frame).catch(noteFailure);
  };

  const idle = async (signal: AbortSignal) => {
    const nowMs = performance.now();
    const ends = [nowMs + longestTimeoutMs];
    const { oldest } = sending.frames;
    if (oldest) ends.push(oldest.sentAt + timeoutMs);
    if (pauseUntil > nowMs) ends.push(pauseUntil);
    if (link === 'paused') ends.push(linkSinceMs + pauseMs);
    if (oldest || window === 0) ends.push(live.nextMs);
    await wake.wait(Math.max(0, Math.min(...ends) - nowMs), signal);
  };

  /** No answer to what was sent, or none to say that a pause is over. */
  const isUnanswered = (): boolean => {
    const nowMs = performance.now();
    const { oldest, through, frames: inFlight } = sending.frames;
    if (oldest && oldest.sentAt + timeoutMs <= nowMs) {
      log.warn({ through, inFlight, timeoutMs }, 'no acknowledgement; greeting the hub again');
      timeoutMs = Math.min(longestTimeoutMs, timeoutMs * 2);
      return true;
    }
    return link === 'paused' && linkSinceMs + pauseMs <= nowMs;
  };

  const runSession = async (session: UplinkSession, signal: AbortSignal) => {
    void session.closed.then((error) => noteFailure(error ?? new ConnectionError('the broker closed the connection')));
    while (!signal.aborted) {
      if (failed) throw failed;
      if (await sending.follow()) welcome = answer = undefined;
      else if (!hub?.online) {
        setLink('waiting for hub');
        welcome = answer = undefined;
        await wake.wait(longestTimeoutMs, signal);
      } else if (!welcome) {
        await greet(session, signal);
      } else if (sendManifest) {
        sendManifest = false;
        await session.manifest(manifestOfStream());
      } else {
        setLink(window === 0 ? 'paused' : 'forwarding');
        show(session);
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
      if (state.hubBoot !== hub?.hubBoot) welcome = answer = heard = undefined;
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
      sendManifest = true;
      wake.ring();
    },
    async run(signal) {
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
        await sending[Symbol.asyncDispose]();
      }
    },
  };

  async function wait(ms: number, signal: AbortSignal) {
    const until = performance.now() + ms;
    while (performance.now() < until && !signal.aborted) await wake.wait(until - performance.now(), signal);
  }
}
