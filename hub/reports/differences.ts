/** What a newer version of a report says otherwise than the one before it. */
import type { RolledValue } from '../rollup/values/rolled-values.ts';
import type { OfficialValues } from './official-values.ts';
import type { RestatedFigure } from './report.ts';

/** Whose version it is. */
type Told = Pick<RestatedFigure, 'version' | 'who' | 'why' | 'at'>;

export const differences = (before: OfficialValues, after: readonly RolledValue[], told: Told): RestatedFigure[] =>
  differencesOf(
    before,
    after.map((value) => ({ ...value, granularity: value.bucket.granularity, jalaliDate: value.bucket.jalaliDate })),
    told,
  );

interface Compared extends Pick<RolledValue, 'kpi' | 'asset' | 'start' | 'value' | 'status' | 'unit'> {
  readonly granularity: string;
  readonly jalaliDate: string;
}

export function differencesOf(before: OfficialValues, after: readonly Compared[], told: Told): RestatedFigure[] {
  return after.flatMap((value): RestatedFigure[] => {
    const was = before.get(value);
    if (was && was.value === value.value && was.status === value.status) return [];
    if (!was && value.value === null) return [];
    const { kpi, asset, unit, start, jalaliDate } = value;
    const label = { granularity: value.granularity as 'day' | 'month', start, jalaliDate };
    return [{ kpi, asset, unit, label, before: was?.value ?? null, after: value.value, ...told }];
  });
}
