/**
 * How the agent finds its place at the hub (R5): it greets, is told how far the hub is, and weighs whether those are its
 * own numbers. Until it agrees no frame leaves, and an answer that does not fit makes it greet again.
 */
import type { Ack, HubState } from '../../protocols/messages.ts';
import type { Patience } from './patience.ts';
import type { Sending } from './sending.ts';
import type { UplinkSession } from './uplink.ts';
import type { Wake } from './wake.ts';

export interface GreetingOptions {
  readonly sending: Sending;
  readonly wake: Wake;
  readonly patience: Patience;
  readonly bootId: string;
  readonly version: string;
  /** Of the stream that is sent. */
  readonly manifestRevision: () => number;
  readonly log: { error(fields: object, message: string): void };
}

/** Of one connection. */
export interface Greeting {
  /** As it said last; undefined before its first word. */
  readonly hub: HubState | undefined;
  /** Whether frames may leave. */
  readonly isWelcome: boolean;
  onHubState(state: HubState): void;
  /** Takes what belongs to greeting. Whether it is a word on frames, from the hub that has welcomed them. */
  hear(ack: Ack): boolean;
  /** Greets once, not before a time. The welcome that was agreed with; undefined: there was none. */
  greet(session: Pick<UplinkSession, 'hello'>, notBefore: number, signal: AbortSignal): Promise<Ack | undefined>;
  /** What was agreed upon counts no more. */
  forget(): void;
}

/** Before a greeting is said once more because the hub wants it so. */
const unheededMs = 50;
/** Before the same hub is greeted again: it has not come back to all at once. */
const againMs = 1000;

export function createGreeting(options: GreetingOptions): Greeting {
  const { sending, wake, patience, bootId, version, manifestRevision, log } = options;
  let hub: HubState | undefined;
  /** Of that boot of the hub. */
  let heard: number | undefined;
  /** A welcome of which it is not known whether it speaks of these frames. */
  let answer: Ack | undefined;
  /** The hub wants another greeting than the one that is under way. */
  let isUnheeded = false;
  let welcome: Ack | undefined;
  /** The boot of the hub that was greeted last. */
  let greeted: string | undefined;

  const spreadMs = ({ hubBoot, spreadMs }: HubState): number => {
    if (isUnheeded) return unheededMs;
    return Math.random() * (hubBoot === greeted ? Math.min(againMs, spreadMs) : spreadMs);
  };

  const weigh = async (ack: Ack): Promise<Ack | undefined> => {
    const finding = await sending.weigh(ack);
    // Meanwhile there may be another, or none.
    if (answer !== ack) return undefined;
    answer = undefined;
    if (finding === 'agreed') welcome = ack;
    else if (finding !== 'open') {
      sending.part(finding.partedAfter);
      const { next } = sending.stream.state();
      log.error(
        { through: ack.through, ...finding, next, alarm: 'BUFFER_REGRESSED' },
        'the hub holds other numbers than this buffer: what follows the last common one gets a new epoch',
      );
    }
    return welcome;
  };

  /** Waits until the time, or until something else is true. */
  const waitUntil = async (time: number, goesOn: () => unknown, signal: AbortSignal) => {
    while (performance.now() < time && goesOn() && !signal.aborted) await wake.wait(time - performance.now(), signal);
  };

  return {
    get hub() {
      return hub;
    },
    get isWelcome() {
      return welcome !== undefined;
    },
    onHubState(state) {
      if (state.hubBoot !== hub?.hubBoot) welcome = answer = heard = undefined;
      hub = state;
    },
    hear(ack) {
      if (ack.answer !== undefined) heard = Math.max(heard ?? 0, ack.answer);
      if (ack.epoch !== sending.epoch) return false;
      if (ack.kind === 'welcome') answer = ack;
      else if (welcome && ack.hubBoot === welcome.hubBoot && ack.through <= sending.frames.sentTo) return true;
      else {
        welcome = undefined;
        if (ack.reason === 'hello') {
          answer = undefined;
          isUnheeded = true;
        }
      }
      return false;
    },
    async greet(session, notBefore, signal) {
      const compare = sending.questions;
      if (compare.length === 0) {
        await waitUntil(Math.max(notBefore, performance.now() + spreadMs(hub!)), () => hub?.online, signal);
        if (!hub?.online || signal.aborted) return undefined;
      }
      const { epoch, next, minRetained } = sending.stream.state();
      const acked = sending.frames.through;
      const greeting = {
        epoch,
        bootId,
        heard,
        minRetained,
        next,
        acked,
        manifestRevision: manifestRevision(),
        version,
      };
      const asking = compare.length > 0 ? { ...greeting, compare: [...compare] } : greeting;
      answer = undefined;
      isUnheeded = false;
      greeted = hub?.hubBoot;
      await session.hello(sending.stream.manifest ? { ...asking, final: true } : asking);
      await waitUntil(performance.now() + patience.ms, () => !answer && !isUnheeded && hub?.online, signal);
      if (answer || isUnheeded) patience.answered();
      else patience.exhausted();
      return answer && weigh(answer);
    },
    forget() {
      welcome = answer = undefined;
    },
  };
}
