/**
 * What a counter counted from sample to sample, by rule R6 (kpi.md §1.5 TV-D): roll-overs, resets and noise are told
 * apart from readings that nobody can believe. A delta that is not known is null, never 0 and never a guess.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import { numberOf, type Track } from './track.ts';

export type StepFlag = 'OK' | 'ROLLOVER' | 'RESET' | 'JITTER' | 'SUSPECT_JUMP' | 'SUSPECT_DROP';

export interface CounterStep {
  readonly from: TimeUs;
  /** When the new reading was taken; whatever was counted since `from` is known from here on. */
  readonly to: TimeUs;
  /** Scaled; null is not known. */
  readonly delta: number | null;
  readonly flag: StepFlag;
}

export interface CounterRules {
  /** The raw value after modulus - 1 is 0. */
  readonly modulus?: number | undefined;
  /** Applied after the delta: pulse weight, resolution, CT × VT ratio. */
  readonly scale?: number | undefined;
  /**
   * Fastest possible growth, raw counts per second. Not knowing it, any rise is believed, a roll-over only when it
   * lands in the first tenth of the range, and a reset never.
   */
  readonly maxRatePerS?: number | undefined;
  /** Largest drop that is noise, raw counts. */
  readonly jitter: number;
}

/** Of a counter this close to its end, a drop may be a roll-over. */
const nearEnd = 0.9;

/**
 * One step for every two neighbouring samples that are numbers, or for those only that differ: a counter that is
 * sampled every second mostly stands still.
 */
export function counterSteps(track: Track, rules: CounterRules, which: 'all' | 'changes' = 'all'): CounterStep[] {
  const { scale = 1 } = rules;
  const steps: CounterStep[] = [];
  let reference: number | undefined;
  let from = 0;
  for (let i = 0; i < track.times.length; i++) {
    const value = numberOf(track.values[i]!);
    if (value === undefined) continue;
    const to = track.times[i]!;
    if (value === reference) {
      if (which === 'all') steps.push({ from, to, delta: 0, flag: 'OK' });
    } else if (reference !== undefined) {
      const { delta, flag } = judgeStep(reference, value, (to - from) / 1e6, rules);
      steps.push({ from, to, delta: delta === null ? null : delta * scale, flag });
      if (flag !== 'JITTER') reference = value;
    } else reference = value;
    from = to;
  }
  return steps;
}

/** The raw delta between two readings that are `seconds` apart. */
export function judgeStep(
  before: number,
  after: number,
  seconds: number,
  { modulus, maxRatePerS, jitter }: CounterRules,
): { delta: number | null; flag: StepFlag } {
  // One count more than the rate allows: it may have been due the moment after the first reading.
  const most = maxRatePerS === undefined ? undefined : maxRatePerS * seconds + 1;
  const rise = after - before;
  if (rise >= 0)
    return rise <= (most ?? Number.POSITIVE_INFINITY)
      ? { delta: rise, flag: 'OK' }
      : { delta: null, flag: 'SUSPECT_JUMP' };
  if (-rise <= jitter) return { delta: 0, flag: 'JITTER' };
  if (modulus !== undefined && before >= nearEnd * modulus) {
    const wrapped = rise + modulus;
    const isPlausible = most === undefined ? after < (1 - nearEnd) * modulus : wrapped <= most;
    if (isPlausible) return { delta: wrapped, flag: 'ROLLOVER' };
  }
  if (most !== undefined && after >= 0 && after <= most) return { delta: after, flag: 'RESET' };
  return { delta: null, flag: 'SUSPECT_DROP' };
}
