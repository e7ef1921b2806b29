/** Where the planned busy time of OEE went: each step is the rest of the one before it (kpi.md §1.5). */
import type { Elements } from './result.ts';

export interface Waterfall {
  readonly plannedBusyS: number;
  /** Setup, delays and idle time. Time of unknown state is not a loss that anybody knows. */
  readonly stopsS: number;
  readonly unknownS: number;
  /** Negative where the unit was faster than planned. */
  readonly speedS: number;
  readonly qualityS: number;
  /** Σ PRI·GQ: over PBT it is OEE. */
  readonly valuableS: number;
}

/** Of elements of group `production`; undefined: state, counts or planned run times are not there. */
export function oeeWaterfall(elements: Elements): Waterfall | undefined {
  const { PBT_s, APT_s, UNK_s = 0, PRI_PQ_s, PRI_GQ_s, PQ_no_PRI = 0, PBT_no_PRI_s = 0 } = elements;
  if (PBT_s === undefined || APT_s === undefined || PRI_PQ_s === undefined || PRI_GQ_s === undefined) return undefined;
  if (PQ_no_PRI > 0 || PBT_no_PRI_s > 0) return undefined;
  return {
    plannedBusyS: PBT_s,
    stopsS: PBT_s - APT_s - UNK_s,
    unknownS: UNK_s,
    speedS: APT_s - PRI_PQ_s,
    qualityS: PRI_PQ_s - PRI_GQ_s,
    valuableS: PRI_GQ_s,
  };
}
