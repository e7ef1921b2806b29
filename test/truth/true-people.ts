/**
 * What people must have told, from the factory's own truth: every piece of one machine is inspected, one operator works
 * while another runs or is set up, and of the setters of its line some hours a shift are known. They tell it for whole
 * shifts, and all figures are of whole shifts, so that they are exact.
 */
import { both, exactly, lasting, over, type Range, type Stretch, without } from './ranges.ts';
import type { Recording } from './recording.ts';
import { hourUs, machining } from './scenario.ts';

/** Line, area and site above them have nobody else's. */
export const attended = `${machining}/machining/line-1`;
export const inspected = `${attended}/cnc-2`;
export const operated = `${attended}/cnc-1`;
export const setters = { people: 2, workedHOfShift: 11.5 } as const;

export function inspectedBetween({ units }: Recording, [from, to]: Stretch) {
  const pieces = units.get(inspected)!.pieces.filter(({ t }) => t >= from && t < to);
  return { inspected: pieces.length, good: pieces.filter(({ good }) => good).length };
}

/** Hours. */
export function workedBetween({ units }: Recording, window: Stretch): number {
  const { states } = units.get(operated)!;
  const worked = states.flatMap(({ t, state }, at): Stretch[] =>
    state === 'RUN' || state === 'SETUP' ? [[t, states[at + 1]?.t ?? Number.POSITIVE_INFINITY]] : [],
  );
  return lasting(both(worked, [window])) / hourUs;
}

/** By KPI. @param toldUntil the end of the last shift of which they told */
export function peopleFigures(
  recording: Recording,
  asset: string,
  [from, to]: Stretch,
  toldUntil: number,
): Map<string, Range | undefined> {
  const window: Stretch = [from, Math.min(to, toldUntil)];
  const isAbove = (place: string) => place === asset || place.startsWith(`${asset}/`);
  const figures = new Map<string, Range | undefined>();
  if (isAbove(inspected)) {
    const counted = inspectedBetween(recording, window);
    figures.set('prod.fpy', over(exactly(counted.good), exactly(counted.inspected)));
  }
  const eachH = lasting(without([window], recording.breaks)) / hourUs;
  const shifts = (window[1] - window[0]) / (8 * hourUs);
  const [operators, ofLine] = [isAbove(operated) ? 1 : 0, isAbove(attended) ? setters.people : 0];
  if (operators + ofLine > 0) {
    const workedH =
      (operators > 0 ? workedBetween(recording, window) : 0) + (ofLine > 0 ? shifts * setters.workedHOfShift : 0);
    figures.set('prod.worker_eff', over(exactly(workedH), exactly((operators + ofLine) * eachH)));
  }
  return figures;
}
