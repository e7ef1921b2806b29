/**
 * Asks the server for its time, again and again while a session lives: a connection that is dead is noticed, and what
 * comes after an answer was put together after the question. That holds however long the way is, and in our clock.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { TimeUs } from '../sample.ts';
import { refreshNamespaces } from './resolve.ts';
import type { Services } from './services.ts';
import type { OpcuaSession } from './session.ts';

export interface Pulse {
  /**
   * What the server sends from now on holds all that it measured up to here, even where its clock is behind ours within
   * the skew: the times that it gives are not before this one.
   */
  readonly floor: TimeUs;
  /** @throws what ends the session. */
  run(): Promise<void>;
}

export interface PulseOptions {
  readonly opcua: OpcuaSession;
  readonly services: Services;
  readonly clock: Clock;
  readonly maxSkewUs: number;
  readonly startedAt: TimeUs;
  /** Milliseconds of the clock. */
  readonly intervalMs: number;
  readonly closed: AbortSignal;
}

const shortestMs = 100;
/** Wall time. */
const namespacesMs = 10_000;

export function createPulse(options: PulseOptions): Pulse {
  const { opcua, services, clock, maxSkewUs, startedAt, intervalMs, closed } = options;
  let floor = startedAt;
  return {
    get floor() {
      return floor;
    },
    async run() {
      for (let refreshedAt = performance.now(); ; ) {
        const { askedAt, serverTime = askedAt } = await services.readClock(() => clock.now());
        // Times of a clock that is further behind are not believed, and bound nothing.
        floor = askedAt - serverTime > maxSkewUs ? askedAt : Math.min(askedAt, serverTime);
        if (performance.now() - refreshedAt > namespacesMs) {
          refreshedAt = performance.now();
          await refreshNamespaces(opcua, services);
        }
        await delay(Math.max(shortestMs, clock.wallMs(intervalMs)), undefined, { signal: closed });
      }
    },
  };
}
