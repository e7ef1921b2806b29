/**
 * The one clock of a process. Everything that stamps or schedules asks it, so that factory, agents and hub
 * can run together faster than real time; durations that protect data (acceptance, timeouts) stay on wall time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { TimeUs } from './sample.ts';

export interface Clock {
  /** Simulated seconds per wall second; 1 in production. */
  readonly speed: number;
  now(): TimeUs;
  /** Waits for so many milliseconds of this clock. Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Milliseconds of this clock as milliseconds of wall time, for timers. */
  wallMs(ms: number): number;
}

/**
 * Follows the system clock, steps included: its milliseconds, and the monotonic clock's microseconds between them
 * (which alone would never learn of a step, nor of a start in 1970).
 */
function createSystemNow(): () => TimeUs {
  let offsetMs = performance.timeOrigin;
  return () => {
    const wallMs = Date.now();
    const elapsedMs = performance.now();
    const ahead = offsetMs + elapsedMs - wallMs;
    if (ahead < 0) offsetMs = wallMs - elapsedMs;
    else if (ahead >= 1) offsetMs = wallMs + 0.999 - elapsedMs;
    return Math.floor((offsetMs + elapsedMs) * 1000);
  };
}

export const systemClock: Clock = {
  speed: 1,
  now: createSystemNow(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
  wallMs: (ms) => ms,
};

export interface ScaledClockOptions {
  /** What this clock shows at `wallStartMs`, in Unix milliseconds. */
  readonly startMs: number;
  /** Unix milliseconds of the system clock at which all processes of a run set out. */
  readonly wallStartMs: number;
  readonly speed: number;
}

export function createScaledClock({ startMs, wallStartMs, speed }: ScaledClockOptions): Clock {
  return {
    speed,
    now: () => Math.round((startMs + (performance.timeOrigin + performance.now() - wallStartMs) * speed) * 1000),
    sleep: (ms, signal) => delay(ms / speed, undefined, { signal }),
    wallMs: (ms) => ms / speed,
  };
}

/** `PAYESH_CLOCK` as `startMs:wallStartMs:speed`, so that several processes share one clock; undefined is the system's. */
export function parseClock(text: string | undefined): Clock {
  if (!text) return systemClock;
  const [startMs, wallStartMs, speed] = text.split(':').map(Number);
  if (!(Number.isFinite(startMs) && Number.isFinite(wallStartMs) && Number.isFinite(speed) && speed! > 0)) {
    throw new RangeError(`PAYESH_CLOCK must be startMs:wallStartMs:speed, not "${text}"`);
  }
  return createScaledClock({ startMs: startMs!, wallStartMs: wallStartMs!, speed: speed! });
}
