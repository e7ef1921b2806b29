/**
 * How a ratio or a sum becomes a KPI result (kpi.md R1–R5): never 0 for "not known", never clamped, never rounded.
 * What is not known is `null` with its coverage; what cannot be divided is `undefined`.
 */
import type { Elements, KpiResult, KpiStatus } from './kpi.ts';

/** Coverage from which a value is `ok` or `partial` (R5). */
export interface CoverageLimits {
  readonly ok: number;
  readonly partial: number;
}

export const usualCoverage: CoverageLimits = { ok: 0.95, partial: 0.8 };

/** What a KPI is computed from; an element that is not there counts as 0. */
export type Read = (name: string) => number;

export const readElements =
  (elements: Elements): Read =>
  (name) =>
    elements[name] ?? 0;

/** The named elements only: what a value shows as its inputs. */
export function pick(elements: Elements, names: readonly string[]): Elements {
  return Object.fromEntries(names.flatMap((name) => (elements[name] === undefined ? [] : [[name, elements[name]]])));
}

export interface Judged {
  readonly numerator: number;
  /** 0 is `undefined` (R2). */
  readonly denominator: number;
  readonly coverage: number;
  readonly flags?: readonly (string | false)[];
  readonly elements: Elements;
  /** Given only where a part is unknown. */
  readonly bounds?: readonly [number, number] | undefined;
  /** A person must look at an input. */
  readonly suspect?: boolean;
}

export function judge(limits: CoverageLimits, judged: Judged): KpiResult {
  const { numerator, denominator, coverage, elements, bounds, suspect = false } = judged;
  const flags = (judged.flags ?? []).filter((flag) => flag !== false);
  const rest = { coverage, elements, ...(bounds && { bounds }) };
  const status = statusOf(limits, coverage, suspect);
  if (status === 'no_data') return { value: null, status, flags, ...rest };
  if (denominator === 0) return { value: null, status: 'undefined', flags: ['DEN_ZERO', ...flags], ...rest };
  return { value: numerator / denominator, status, flags, ...rest };
}

function statusOf({ ok, partial }: CoverageLimits, coverage: number, suspect: boolean): KpiStatus {
  if (coverage < partial) return 'no_data';
  if (suspect) return 'suspect';
  return coverage < ok ? 'partial' : 'ok';
}

/** Something without which the KPI has no meaning is missing: a planned run time, a calendar. */
export const notDefined = (flag: string, coverage: number, elements: Elements): KpiResult => ({
  value: null,
  status: 'undefined',
  coverage,
  flags: [flag],
  elements,
});
