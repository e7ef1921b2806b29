/** What has changed since before the pilot, from figures of its whole days and those of the time before. */
import { exactly, minus, over, type Range, type Stretch, times } from './ranges.ts';
import { dayUs, declaredBefore, declaredDays, measuredPilot, packaging, startUs } from './scenario.ts';

type Figures = ReadonlyMap<string, Range | undefined>;

const compared = ['oee', 'availability', 'effectiveness', 'quality', 'scrap', 'volume', 'downtime_unpl'].map(
  (name) => `prod.${name}`,
);
const comparedEnergy = ['kwh', 'sec', 'share_peak'].map((name) => `en.${name}`);
const addsUp = ['prod.volume', 'prod.downtime_unpl', 'en.kwh'];

/** By KPI; of a month only. @param figuresOf a window of whole days */
export function pilotFigures(
  asset: string,
  [from, to]: Stretch,
  figuresOf: (window: Stretch) => Figures,
): Map<string, Range | undefined> {
  const found = new Map<string, Range | undefined>();
  const isMeasured = asset.startsWith(packaging);
  const begun = isMeasured ? measuredPilot.from : startUs;
  const days = Math.floor((to - Math.max(from, begun)) / dayUs);
  if (days < 1) return found;
  const after = figuresOf([begun, begun + days * dayUs]);
  const before = isMeasured ? figuresOf([measuredPilot.baselineFrom, measuredPilot.from]) : undefined;
  const daysBefore = isMeasured ? (measuredPilot.from - measuredPilot.baselineFrom) / dayUs : declaredDays;
  for (const kpi of [...compared, ...comparedEnergy]) {
    const declared = declaredBefore.find((one) => one.kpi === kpi && one.asset === asset)?.value;
    const told = before ? before.get(kpi) : declared === undefined ? undefined : exactly(declared);
    const is = after.get(kpi);
    if (!told || !is) continue;
    const was = addsUp.includes(kpi) ? times(told, days / daysBefore) : told;
    const [, short] = kpi.split('.');
    const change = minus(is, was);
    found.set(`pl.delta_${short}`, change);
    found.set(`pl.delta_pct_${short}`, over(change, was));
  }
  return found;
}
