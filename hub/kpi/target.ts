/** A value against what a site has set itself: the traffic light of reports. */
import { exceeds } from './compare.ts';
import type { KpiDefinition } from './kpi.ts';
import type { KpiResult } from './result.ts';

export type Light = 'met' | 'near' | 'missed' | 'unknown';

/** Short of a target by up to this share of it is near. */
const nearShare = 0.05;

/** `unknown`: there is no value, a person must look at it, or the KPI has no better direction. */
export function againstTarget(
  { value, status }: Pick<KpiResult, 'value' | 'status'>,
  target: number,
  trend: KpiDefinition['trend'],
): Light {
  if (value === null || status === 'suspect' || trend === 'none') return 'unknown';
  const [better, worse] = trend === 'higher' ? [value, target] : [target, value];
  if (!exceeds(worse, better)) return 'met';
  return exceeds(worse - better, nearShare * Math.abs(target)) ? 'missed' : 'near';
}
