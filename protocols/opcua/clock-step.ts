/** Notices that the gateway's clock was set: what was measured before and after lies on two scales. */
import type { Clock } from '../clock.ts';

/** Less is an ordinary correction. */
const toleranceMs = 1000;

/** @returns whether the clock has gone otherwise than the monotonic one since it was asked last. */
export function watchClock(clock: Pick<Clock, 'now' | 'speed'>, monotonicMs = () => performance.now()): () => boolean {
  const offsetUs = () => clock.now() - monotonicMs() * 1000 * clock.speed;
  let last = offsetUs();
  return () => {
    const now = offsetUs();
    const hasStepped = Math.abs(now - last) > toleranceMs * 1000 * clock.speed;
    last = now;
    return hasStepped;
  };
}
