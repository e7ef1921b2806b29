/** The demand intervals under one notified limit, each with whether it was kept. */
import { exceeds } from '../../kpi/compare.ts';
import type { PowerLimit } from '../../plant/energy-model.ts';
import { hourUs } from '../../plant/zone.ts';
import { limitOver } from './cap-elements.ts';
import type { DemandInterval } from './demand.ts';

export interface CapInterval extends DemandInterval {
  readonly limitKw: number;
  /** undefined was not measured. */
  readonly kept: boolean | undefined;
  /** Above the limit, without the tolerance. */
  readonly excessKwh: number | undefined;
}

export const capIntervals = (zone: string, limit: PowerLimit, intervals: readonly DemandInterval[]): CapInterval[] =>
  intervals
    .filter((interval) => limitOver(zone, [limit], interval) !== undefined)
    .map(({ start, end, kw }) => {
      const { limitKw, tolerance } = limit;
      if (kw === undefined) return { start, end, kw, limitKw, kept: undefined, excessKwh: undefined };
      const excessKwh = (Math.max(0, kw - limitKw) * (end - start)) / hourUs;
      return { start, end, kw, limitKw, kept: !exceeds(kw, limitKw * (1 + tolerance)), excessKwh };
    });
