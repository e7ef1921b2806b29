/**
 * When the demo factory plans not to produce: breaks, cleaning at the end of a shift, notified power curtailments.
 * Three shifts of 8 h from 06:00 in Asia/Tehran, which has had no summer time since 2022: a fixed +03:30.
 */
import type { TimeUs } from '../sample.ts';

export interface Window {
  readonly startUs: TimeUs;
  readonly endUs: TimeUs;
}

export interface PlannedStop extends Window {
  readonly kind: 'break' | 'cleaning';
}

export type Shift = 'morning' | 'afternoon' | 'night';

const minuteUs = 60_000_000;
const hourUs = 60 * minuteUs;
const dayUs = 24 * hourUs;
const localOffsetUs = 3.5 * hourUs;
const shiftUs = 8 * hourUs;
const firstShiftUs = 6 * hourUs;

/** Planned stops of every shift, from its start. */
const stops = [
  { kind: 'break', fromUs: 4 * hourUs, toUs: 4.5 * hourUs },
  { kind: 'cleaning', fromUs: shiftUs - 5 * minuteUs, toUs: shiftUs },
] as const;

const shiftStart = (time: TimeUs): TimeUs => time - remainder(time + localOffsetUs - firstShiftUs, shiftUs);

const remainder = (value: number, modulus: number): number => ((value % modulus) + modulus) % modulus;

export function shiftAt(time: TimeUs): Shift {
  const startsAt = remainder(shiftStart(time) + localOffsetUs, dayUs);
  return startsAt === firstShiftUs ? 'morning' : startsAt === firstShiftUs + shiftUs ? 'afternoon' : 'night';
}

/** The planned stop that this time lies in. */
export function plannedStopAt(time: TimeUs): PlannedStop | undefined {
  return stopsFrom(shiftStart(time)).find(({ startUs, endUs }) => startUs <= time && time < endUs);
}

/** The next planned stop that begins after this time. */
export function nextPlannedStop(time: TimeUs): PlannedStop {
  const start = shiftStart(time);
  return [...stopsFrom(start), ...stopsFrom(start + shiftUs)].find(({ startUs }) => startUs > time)!;
}

/** When a break or cleaning begins or ends next; every end of a shift is one of them. */
export const nextCalendarChange = (time: TimeUs): TimeUs => plannedStopAt(time)?.endUs ?? nextPlannedStop(time).startUs;

const stopsFrom = (shift: TimeUs): PlannedStop[] =>
  stops.map(({ kind, fromUs, toUs }) => ({ kind, startUs: shift + fromUs, endUs: shift + toUs }));

export interface Curtailments {
  activeAt(time: TimeUs): boolean;
  /** The next instant after this one at which a window begins or ends. */
  nextChange(time: TimeUs): TimeUs;
}

/** 12:00 to 12:30 local time every day, and the extra windows. */
export function createCurtailments(extra: readonly Window[]): Curtailments {
  const around = (time: TimeUs): Window[] => {
    const noon = time - remainder(time + localOffsetUs - dayUs / 2, dayUs);
    return [noon, noon + dayUs].map((startUs) => ({ startUs, endUs: startUs + 30 * minuteUs })).concat(extra);
  };
  return {
    activeAt: (time) => around(time).some(({ startUs, endUs }) => startUs <= time && time < endUs),
    nextChange: (time) =>
      Math.min(
        ...around(time)
          .flatMap(({ startUs, endUs }) => [startUs, endUs])
          .filter((change) => change > time),
      ),
  };
}

/** A demo of twenty minutes sees a curtailment too: 3 minutes long, 14 minutes after the start. */
export const demoCurtailment = (start: TimeUs): Window => ({
  startUs: start + 14 * minuteUs,
  endUs: start + 17 * minuteUs,
});
