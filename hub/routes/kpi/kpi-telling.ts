/** What is told of KPI values: the parts that were asked for, what their buckets are called, what they are compared with. */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Bucket } from '../../plant/grid.ts';
import { formatLocal } from '../../plant/local-time.ts';
import type { Plant } from '../../plant/plant.ts';
import { parseTime } from '../../plant/time-text.ts';
import { comparing } from '../../rollup/values/compare-values.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import type { Words } from '../../words.ts';
import { bucketLabels, type Calendar } from '../answers/bucket-label.ts';
import { plantOf } from '../asked/asked-assets.ts';
import type { RouteContext } from '../asked/context.ts';
import { civilDay, windowAt } from '../asked/times.ts';
import { invalid } from '../door/problem.ts';
import { comparisonJson, inputJson, type KpiValueJson, rolledValueJson } from './kpi-json.ts';
import type { KpiQuery } from './kpi-query.ts';

/** What is told of values, with what they are compared with. */
export function tellingRows(
  query: KpiQuery,
  asOf: TimeUs | undefined,
  plants: readonly Plant[],
  { kpis }: RouteContext,
): (values: readonly RolledValue[]) => KpiValueJson[] {
  const { calendar, compare, baseline_from, baseline_to } = query;
  if ((baseline_from === undefined) !== (baseline_to === undefined)) {
    throw invalid(baseline_from ? 'baseline_to' : 'baseline_from', {
      en: 'say both ends of the reference period',
      fa: 'هر دو سر دورهٔ مبنا را بگویید',
    });
  }
  const reference =
    baseline_from && windowAt({ from: baseline_from, to: baseline_to }, plants[0] ?? civilDay, { from: 0, to: 0 });
  return (values) => {
    const comparison =
      compare &&
      comparing(compare, values, {
        // Beside what was known then, what was known then.
        values: (request) => kpis.rolled({ ...request, asOf }),
        ...{ plants, definitions: kpis.definitions(), reference },
      });
    const labels = labelling(plants, calendar);
    return values.map((value) => {
      const row = select(
        {
          ...rolledValueJson(value, asOf),
          label: labels(value),
          ...(comparison && { comparison: comparisonJson(value, comparison(value)) }),
        },
        query,
      );
      if (query.include.includes('lineage')) {
        row.plant_version = value.plantVersion;
        row.inputs = value.inputs.map(inputJson);
      }
      return row;
    });
  };
}

/** Assets and KPIs of a plant share their buckets. */
function labelling(plants: readonly Plant[], calendar: Calendar): (value: RolledValue) => Words {
  const known = new Map<Bucket, Words>();
  return ({ asset, bucket }) => {
    const found = known.get(bucket) ?? bucketLabels(plantOf(asset, plants)?.zone ?? civilDay.zone, bucket, calendar);
    known.set(bucket, found);
    return found;
  };
}

/** Without what was not asked for. */
export function select(row: KpiValueJson, { include, tz }: KpiQuery): KpiValueJson {
  const { elements, flags, ...rest } = row;
  const local = tz && {
    start_local: formatLocal(tz, parseTime(row.start)!),
    end_local: formatLocal(tz, parseTime(row.end)!),
  };
  return {
    ...rest,
    ...local,
    ...(include.includes('elements') && { elements }),
    ...(include.includes('flags') && { flags }),
  };
}
