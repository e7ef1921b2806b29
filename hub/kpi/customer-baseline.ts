/**
 * Customer baseline of a curtailment event: X of the Y newest eligible days, averaged per interval, adjusted to the
 * day of the event by the hours before it (kpi.md §2.1). With fewer than Y eligible days it falls back on a reference,
 * and says which: in an Iranian summer nearly every day is an event.
 */
export interface CandidateDay {
  /** What it is called in the statement: an ISO date. */
  readonly day: string;
  /** How many days before the event. */
  readonly age: number;
  /** Power by interval of the event's hours; null was not measured. */
  readonly kw: readonly (number | null)[];
  /** Mean power in the adjustment window of that day. */
  readonly adjustmentKw?: number | undefined;
  /** Why it cannot be one: an event, a holiday, a swapped off-day, an outage, another day type. */
  readonly excluded?: string | undefined;
}

export interface CustomerBaselineRules {
  readonly x: number;
  readonly y: number;
  readonly pick: 'high' | 'mid' | 'all';
  readonly lookbackDays: number;
  readonly adjust: 'none' | 'additive' | 'multiplicative';
  /** Largest adjustment, as a share of the baseline. */
  readonly adjustCap: number;
  /** A day below this share of the highest average is not typical: 0.25; 0 or left out takes all. */
  readonly leastShare?: number;
}

export interface BaselineReference {
  /** Days of the reference weeks before the season; their average is taken. */
  readonly days?: readonly CandidateDay[];
  /** The notified reference demand. */
  readonly kw?: number;
}

export interface CustomerBaseline {
  /** By interval; null where there is no baseline at all. */
  readonly kw: readonly number[] | null;
  /** `high 5 of 10`. */
  readonly method: string;
  readonly fallback?: 'reference_weeks' | 'reference_demand' | 'none';
  /** The days that were averaged. */
  readonly days: readonly string[];
  readonly notEligible: readonly { readonly day: string; readonly reason: string }[];
  /** What was added to every interval on average, after the cap; 0 is no adjustment. */
  readonly adjustmentKw: number;
  readonly isCapped: boolean;
}

/**
 * @param intervals of the event; a day with another number of them is not eligible.
 * @param actualKw mean power in the adjustment window of the event's own day; undefined is not known, no adjustment.
 */
export function customerBaseline(
  candidates: readonly CandidateDay[],
  intervals: number,
  rules: CustomerBaselineRules,
  { actualKw, reference }: { readonly actualKw?: number | undefined; readonly reference?: BaselineReference } = {},
): CustomerBaseline {
  const { eligible, notEligible } = sift(candidates, intervals, rules);
  const method = rules.pick === 'all' ? `${rules.y} of ${rules.y}` : `${rules.pick} ${rules.x} of ${rules.y}`;
  const none = { method, notEligible, days: [], adjustmentKw: 0, isCapped: false };
  if (eligible.length >= rules.y) {
    const chosen = choose(eligible.slice(0, rules.y), rules);
    return { ...none, days: chosen.map(({ day }) => day), ...adjusted(chosen, rules, actualKw) };
  }
  const referenceDays = sift(reference?.days ?? [], intervals, { lookbackDays: Number.POSITIVE_INFINITY }).eligible;
  if (referenceDays.length > 0) {
    const days = referenceDays.map(({ day }) => day);
    return { ...none, days, ...adjusted(referenceDays, rules, actualKw), fallback: 'reference_weeks' };
  }
  if (reference?.kw !== undefined) {
    return { ...none, kw: Array(intervals).fill(reference.kw), fallback: 'reference_demand' };
  }
  return { ...none, kw: null, fallback: 'none' };
}

interface EligibleDay extends CandidateDay {
  readonly kw: readonly number[];
  readonly meanKw: number;
}

/** Newest first. */
function sift(
  candidates: readonly CandidateDay[],
  intervals: number,
  { lookbackDays, leastShare = 0 }: Pick<CustomerBaselineRules, 'lookbackDays' | 'leastShare'>,
) {
  const notEligible: { day: string; reason: string }[] = [];
  let eligible: EligibleDay[] = [];
  for (const candidate of [...candidates].sort((a, b) => a.age - b.age)) {
    const { day, age, kw, excluded } = candidate;
    const reason =
      excluded ??
      (age > lookbackDays ? 'too_old' : kw.length !== intervals || kw.includes(null) ? 'not_measured' : undefined);
    if (reason !== undefined) notEligible.push({ day, reason });
    else eligible.push({ ...candidate, kw: kw as readonly number[], meanKw: mean(kw as readonly number[]) });
  }
  const least = leastShare * Math.max(0, ...eligible.map(({ meanKw }) => meanKw));
  for (const { day } of eligible.filter(({ meanKw }) => meanKw < least)) notEligible.push({ day, reason: 'low' });
  eligible = eligible.filter(({ meanKw }) => meanKw >= least);
  return { eligible, notEligible };
}

/** Of equal days the newer one counts as the higher. When `mid` cannot drop as many high as low ones, it drops a high one more. */
function choose(days: readonly EligibleDay[], { x, y, pick }: CustomerBaselineRules): EligibleDay[] {
  const sorted = [...days].sort((a, b) => b.meanKw - a.meanKw || a.age - b.age);
  if (pick === 'all') return sorted;
  const first = pick === 'high' ? 0 : Math.ceil((y - x) / 2);
  return sorted.slice(first, first + x);
}

function adjusted(
  days: readonly EligibleDay[],
  { adjust, adjustCap }: CustomerBaselineRules,
  actualKw: number | undefined,
): Pick<CustomerBaseline, 'kw' | 'adjustmentKw' | 'isCapped'> {
  const kw = days[0]!.kw.map((_, interval) => mean(days.map((day) => day.kw[interval]!)));
  const before = days.flatMap(({ adjustmentKw }) => adjustmentKw ?? []);
  if (adjust === 'none' || actualKw === undefined || before.length < days.length) {
    return { kw, adjustmentKw: 0, isCapped: false };
  }
  const [level, beforeKw] = [mean(kw), mean(before)];
  const wanted = adjust === 'additive' ? actualKw - beforeKw : level * (actualKw / beforeKw - 1);
  if (!Number.isFinite(wanted) || level === 0) return { kw, adjustmentKw: 0, isCapped: false };
  const cap = adjustCap * Math.abs(level);
  const adjustmentKw = Math.min(cap, Math.max(-cap, wanted));
  return {
    kw: adjust === 'additive' ? kw.map((one) => one + adjustmentKw) : kw.map((one) => one * (1 + adjustmentKw / level)),
    adjustmentKw,
    isCapped: adjustmentKw !== wanted,
  };
}

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
