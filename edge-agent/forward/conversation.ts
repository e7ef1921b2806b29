/**
 * One connection to the hub: greets it, tells it what tags mean, and sends frames within the window that it grants (R7).
 * On any doubt it goes back to the last number that is settled, or greets again.
 */
import { ConnectionError } from '../../protocols/errors.ts';
import type { Manifest } from '../../protocols/manifest.ts';
import type { Ack } from '../../protocols/messages.ts';
import { createGreeting, type GreetingOptions } from './greeting.ts';
import type { Live } from './live.ts';
import { createPatience } from './patience.ts';
import type { Sending } from './sending.ts';
import type { UplinkHandlers, UplinkSession } from './uplink.ts';
import type { Wake } from './wake.ts';

/** `paused`: the hub takes nothing just now, and will say when it does again. */
export type LinkState = 'connecting' | 'waiting for hub' | 'greeting' | 'forwarding' | 'paused';

export interface ConversationOptions extends Pick<GreetingOptions, 'bootId' | 'version'> {
  readonly sending: Sending;
  readonly live: Live;
  readonly wake: Wake;
  /** Of the stream that is sent. */
  readonly manifest: () => Manifest;
  /** Least time that an acknowledgement may take, ms. */
  readonly ackTimeoutMs: number;
  /** How long a pause of the hub is taken for one, ms; then it is greeted again. */
  readonly pauseMs: number;
  /** How long a hub that is waited for may say nothing over one connection, ms. */
  readonly silenceMs: number;
  onLink(state: LinkState): void;
  /** Of what is sent a second time. */
  onResent(frames: number): void;
  /** The hub takes nothing of this agent until a person has decided. */
  onQuarantine(): void;
  readonly log: {
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface Conversation extends UplinkHandlers {
  /** How long the hub would have its agents spread; undefined before its first word. */
  readonly spreadMs: number | undefined;
  /** The hub has acknowledged something over it. */
  readonly hasDelivered: boolean;
  /** Ended because nothing was heard of a hub that was waited for. */
  readonly wasSilent: boolean;
  /** Tags are described otherwise. No frame leaves before the hub has got it. */
  announce(): void;
  /** Ends it with this error. */
  fail(error: Error): void;
  /** Goes on until the signal aborts. @throws why it ended before; after an error of the disk it may be gone on with. */
  run(session: UplinkSession, signal: AbortSignal): Promise<void>;
}

const idleMs = 60_000;
const nackPauseMs = 500;

export function createConversation(options: ConversationOptions): Conversation {
  const { sending, live, wake, manifest, ackTimeoutMs, pauseMs, silenceMs, onLink, onResent, onQuarantine, log } =
    options;
  const patience = createPatience(ackTimeoutMs);
  const greeting = createGreeting({ ...options, patience, manifestRevision: () => manifest().revision });
  let window = 1;
  /** Since when the hub takes nothing. */
  let pausedSince: number | undefined;
  /** Until then nothing is said after a refusal. */
  let silentUntil = 0;
  let owesManifest = false;
  let hasDelivered = false;
  let wasSilent = false;
  let heardAt = 0;
  let failure = new AbortController();

  const fail = (error: Error) => failure.abort(error);
  const goBack = () => onResent(sending.frames.goBack());
  const greetLater = () => {
    greeting.forget();
    silentUntil = performance.now() + nackPauseMs;
  };

  const begin = ({ through, manifestRevision }: Ack) => {
    onResent(sending.begin(through));
    const { revision } = manifest();
    // Of a damaged buffer it may be lost.
    owesManifest = revision > 0 && manifestRevision !== revision;
  };

  const refused = ({ through, reason }: Ack) => {
    log.warn({ through, reason }, 'the hub refused a frame; going back');
    goBack();
    owesManifest ||= reason === 'manifest';
    // One that knows less than it did says in its welcome from where to go on.
    if (reason === 'hello' || through < sending.frames.through) greeting.forget();
    silentUntil = performance.now() + nackPauseMs;
  };

  /** How many frames went out; or 1 when something has changed meanwhile. */
  const send = async (session: UplinkSession): Promise<number> => {
    const { stream, frames } = sending;
    const room = frames.room(window);
    if (room.frames <= 0 || room.bytes <= 0 || performance.now() < silentUntil) return 0;
    const from = frames.cursor;
    const found = await stream.peek(from, room);
    // Frames of a manifest that was announced meanwhile come after it.
    if (sending.frames !== frames || frames.cursor !== from || owesManifest) return 1;
    // What the hub asks for is here no more: the next greeting says so.
    if (stream.state().minRetained > from + 1) {
      greetLater();
      return 1;
    }
    for (const frame of found) {
      frames.sent(frame);
      session.data(frame.bytes).catch(fail);
    }
    return found.length;
  };

  /** No answer to what was sent, or none to say that a pause is over. */
  const isUnanswered = (): boolean => {
    const nowMs = performance.now();
    const { oldest, through, frames: inFlight } = sending.frames;
    if (oldest && oldest.sentAt + patience.ms <= nowMs) {
      log.warn({ through, inFlight, timeoutMs: patience.ms }, 'no acknowledgement; greeting the hub again');
      patience.exhausted();
      return true;
    }
    return pausedSince !== undefined && pausedSince + pauseMs <= nowMs;
  };

  const idle = async (signal: AbortSignal) => {
    const nowMs = performance.now();
    const ends = [nowMs + idleMs];
    const { oldest } = sending.frames;
    if (oldest) ends.push(oldest.sentAt + patience.ms);
    if (silentUntil > nowMs) ends.push(silentUntil);
    if (pausedSince !== undefined) ends.push(pausedSince + pauseMs);
    if (oldest || window === 0) ends.push(live.nextMs);
    await wake.wait(Math.max(0, Math.min(...ends) - nowMs), signal);
  };

  const forward = async (session: UplinkSession, signal: AbortSignal) => {
    pausedSince = window === 0 ? (pausedSince ?? performance.now()) : undefined;
    onLink(window === 0 ? 'paused' : 'forwarding');
    const shown = live.due(sending.frames.oldest?.acceptedAt, window === 0);
    if (shown) session.live(shown).catch(fail);
    if ((await send(session)) > 0) return;
    if (isUnanswered()) greeting.forget();
    else await idle(signal);
  };

  /**
   * A broker may have lost the subscriptions of a connection that it keeps (a cluster does, with a node): the hub is there,
   * and no word of it comes. A new connection brings what it said last, and a new place for its answers.
   */
  const isSilent = (): boolean => {
    wasSilent = !greeting.isWelcome && performance.now() >= heardAt + silenceMs;
    if (wasSilent) fail(new ConnectionError('nothing is heard of the hub; connecting anew'));
    return wasSilent;
  };

  const takeStep = async (session: UplinkSession, signal: AbortSignal) => {
    if (await sending.follow()) greeting.forget();
    else if (!greeting.hub?.online) {
      onLink('waiting for hub');
      greeting.forget();
      await wake.wait(heardAt + silenceMs - performance.now(), signal);
    } else if (!greeting.isWelcome) {
      pausedSince = undefined;
      onLink('greeting');
      const welcome = await greeting.greet(session, silentUntil, signal);
      if (welcome) begin(welcome);
    } else if (owesManifest) {
      owesManifest = false;
      await session.manifest(manifest());
    } else await forward(session, signal);
  };

  return {
    onAck(ack) {
      heardAt = performance.now();
      const isOnFrames = greeting.hear(ack);
      if (ack.epoch !== sending.epoch) return;
      if (ack.reason === 'identity') onQuarantine();
      if (isOnFrames) {
        const tookMs = sending.settle(ack.through);
        if (tookMs !== undefined) {
          patience.answered(tookMs);
          hasDelivered = true;
        }
        if (ack.kind === 'nack') refused(ack);
      }
      window = ack.window;
      wake.ring();
    },
    onHubState(state) {
      heardAt = performance.now();
      greeting.onHubState(state);
      wake.ring();
    },
    get spreadMs() {
      return greeting.hub?.spreadMs;
    },
    get hasDelivered() {
      return hasDelivered;
    },
    get wasSilent() {
      return wasSilent;
    },
    announce() {
      owesManifest = true;
      wake.ring();
    },
    fail,
    async run(session, signal) {
      void session.closed.then((error) => fail(error ?? new ConnectionError('the broker closed the connection')));
      const end = AbortSignal.any([signal, failure.signal]);
      heardAt = performance.now();
      try {
        while (!end.aborted && !isSilent()) await takeStep(session, end);
        if (!signal.aborted) throw failure.signal.reason;
      } finally {
        failure = new AbortController();
      }
    },
  };
}
