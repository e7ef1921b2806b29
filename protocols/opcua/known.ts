/** Up to when all that a subscription measured has come. Never falls. */
import { flag, type Sample, type TimeUs } from '../sample.ts';

export interface Known {
  /** All that was sampled has come up to here, if every path led where it was thought to. */
  readonly heard: TimeUs;
  readonly through: TimeUs;
  /** A message came that was complete and was put together after this time, at the end of a publishing interval. */
  hear(sentAfter: TimeUs, publishingUs: number): void;
  /** A sample came whose time is before what had been heard: its source is behind its server, and stays so. */
  learnDelay(sample: Sample, maxSkewUs: number): void;
  /** Paths led where they did at this time; Infinity where no node is named by path. */
  followed(until: TimeUs): void;
  /** The subscription is lost: what had been heard beyond `through` will never be confirmed. */
  stop(): void;
}

export function createKnown(startedAt: TimeUs): Known {
  let heard = startedAt;
  /** What the last message says, whatever its source's clock. */
  let last = Number.NEGATIVE_INFINITY;
  let behindUs = 0;
  let followedUntil = Number.POSITIVE_INFINITY;
  let through = startedAt;
  const confirm = (): TimeUs => {
    through = Math.max(through, Math.min(heard, followedUntil));
    return through;
  };
  return {
    get heard() {
      return heard;
    },
    get through() {
      return confirm();
    },
    hear(sentAfter, publishingUs) {
      last = sentAfter - publishingUs;
      heard = Math.max(heard, last - behindUs);
    },
    learnDelay({ time, flags }, maxSkewUs) {
      if (time >= last || flags & flag.timeFromGateway) return;
      behindUs = Math.min(maxSkewUs, Math.max(behindUs, last - time));
    },
    followed(until) {
      confirm();
      followedUntil = until;
    },
    stop() {
      heard = confirm();
    },
  };
}
