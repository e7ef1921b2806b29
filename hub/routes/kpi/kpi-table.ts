/** KPI values as rows of a table: the columns of CSV, workbook and Parquet. */
import type { KpiDefinition } from '../../kpi/kpi.ts';
import type { Asset } from '../../plant/assets.ts';
import { formatLocal } from '../../plant/local-time.ts';
import { parseTime } from '../../plant/time-text.ts';
import type { Column } from '../answers/download.ts';
import type { KpiValueJson } from './kpi-json.ts';

type KpiColumn = Column<KpiValueJson>;

const text = (name: string, of: KpiColumn['of']): KpiColumn => ({ name, type: 'text', of });
const number = (name: string, of: KpiColumn['of']): KpiColumn => ({ name, type: 'number', of });
const integer = (name: string, of: KpiColumn['of']): KpiColumn => ({ name, type: 'integer', of });
const time = (name: string, of: (value: KpiValueJson) => string): KpiColumn => ({
  name,
  type: 'time',
  of: (value) => parseTime(of(value))!,
});

export function kpiColumns({
  definitions,
  assets,
  isCompared,
  zoneOf,
}: {
  readonly definitions: readonly KpiDefinition[];
  readonly assets: readonly Asset[];
  readonly isCompared: boolean;
  /** Of an asset's plant: what local time is where no zone was asked for. */
  zoneOf(asset: string): string;
}): KpiColumn[] {
  const kpiNames = new Map(definitions.map(({ id, name }) => [id, name]));
  const assetNames = new Map(assets.map(({ path, name }) => [path, name]));
  return [
    text('kpi_id', ({ kpi }) => kpi),
    text('kpi_name_en', ({ kpi }) => kpiNames.get(kpi)?.en ?? ''),
    text('kpi_name_fa', ({ kpi }) => kpiNames.get(kpi)?.fa ?? ''),
    text('asset_path', ({ asset }) => asset),
    text('asset_name_en', ({ asset }) => assetNames.get(asset)?.en ?? ''),
    text('asset_name_fa', ({ asset }) => assetNames.get(asset)?.fa ?? ''),
    text('granularity', ({ granularity }) => granularity),
    time('start', ({ start }) => start),
    time('end', ({ end }) => end),
    number('value', ({ value }) => value),
    text('unit', ({ unit }) => unit),
    text('status', ({ status }) => status),
    number('coverage', ({ coverage }) => coverage),
    text('provisional', ({ provisional }) => String(provisional)),
    text('flags', ({ flags = [] }) => flags.join(' ')),
    integer('revision', ({ revision }) => revision),
    integer('definition_version', ({ definition_version }) => definition_version),
    text('input_hash', ({ input_hash }) => input_hash),
    text(
      'start_local',
      ({ asset, start, start_local }) => start_local ?? formatLocal(zoneOf(asset), parseTime(start)!),
    ),
    text('label_en', ({ label }) => label?.en ?? null),
    text('label_fa', ({ label }) => label?.fa ?? null),
    text('jalali_date', ({ jalali_date }) => jalali_date ?? null),
    text('state', ({ state }) => state ?? null),
    ...(isCompared ? comparedColumns : []),
  ];
}

const comparedColumns: readonly KpiColumn[] = [
  text('compared_with', ({ comparison }) => comparison?.with ?? null),
  number('compared_value', ({ comparison }) => comparison?.value ?? null),
  number('delta', ({ comparison }) => comparison?.delta ?? null),
  number('ratio', ({ comparison }) => comparison?.ratio ?? null),
  text('light', ({ comparison }) => comparison?.light ?? null),
];
