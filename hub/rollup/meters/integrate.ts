/** Energy where there is no register: active power by the trapezoid rule, over samples at most a minute apart (R17). */
import { minuteUs } from '../../plant/zone.ts';
import type { CounterStep } from '../samples/counter.ts';
import { numberOf, type Track } from '../samples/track.ts';

const hourUs = 60 * minuteUs;

/** @param scale kW per raw value. A longer pause is no step: nobody knows what the power was in it. */
export function integrateSteps({ times, values }: Track, scale = 1): CounterStep[] {
  const steps: CounterStep[] = [];
  let before: { time: number; kw: number } | undefined;
  for (const [index, time] of times.entries()) {
    const value = numberOf(values[index]!);
    if (value === undefined) {
      before = undefined;
      continue;
    }
    const kw = value * scale;
    if (before && time > before.time && time - before.time <= minuteUs) {
      const delta = ((before.kw + kw) / 2) * ((time - before.time) / hourUs);
      steps.push({ from: before.time, to: time, delta, flag: 'OK' });
    }
    before = { time, kw };
  }
  return steps;
}
