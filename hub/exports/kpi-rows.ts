/** KPI values as rows of the tidy table (kpi.md §5.6): one value a row, the same columns as CSV and as Parquet. */
import { setImmediate as breathe } from 'node:timers/promises';
import { plantAssets } from '../plant/assets.ts';
import { bucketLabel, formatLocal } from '../plant/local-time.ts';
import type { Plant } from '../plant/plant.ts';
import type { RolledRequest, RolledValue } from '../rollup/values/rolled-values.ts';
import { turns, usualKpis } from '../rollup/values/turns.ts';
import { inOrder } from '../rollup/values/value-order.ts';
import type { ParquetColumn, ParquetRow } from '../store/duckdb/parquet.ts';
import { rangeOf } from './request.ts';
import type { ExportSource, ExportTask } from './source.ts';
import { targetAt } from './targets.ts';

/** An empty field is "not known". `baseline` stays empty until values have a reference period. */
export const kpiColumns: readonly ParquetColumn[] = [
  { name: 'kpi_id', type: 'text' },
  { name: 'kpi_name_en', type: 'text' },
  { name: 'kpi_name_fa', type: 'text' },
  { name: 'asset_path', type: 'text' },
  { name: 'asset_name_fa', type: 'text' },
  { name: 'granularity', type: 'text' },
  { name: 'start', type: 'time' },
  { name: 'end', type: 'time' },
  { name: 'start_local', type: 'text' },
  { name: 'jalali_date', type: 'text' },
  { name: 'jalali_label', type: 'text' },
  { name: 'value', type: 'number' },
  { name: 'unit', type: 'text' },
  { name: 'status', type: 'text' },
  { name: 'coverage', type: 'number' },
  { name: 'flags', type: 'text' },
  { name: 'revision', type: 'integer' },
  { name: 'definition_version', type: 'integer' },
  { name: 'baseline', type: 'number' },
  { name: 'target', type: 'number' },
  { name: 'state', type: 'text' },
  { name: 'input_hash', type: 'text' },
];

/** Of buckets that begin in the range, ascending by start, asset and KPI. */
export async function* kpiPages(
  source: ExportSource,
  { plant, request, signal, progress }: ExportTask,
): AsyncGenerator<ParquetRow[]> {
  const { granularity } = request;
  const { from, to } = rangeOf(plant, request);
  const assets = new Map(plantAssets([plant]).map(({ path, name }) => [path, name]));
  const asked = request.paths ?? [...assets.keys()];
  const whole = { assets: asked, ...(request.kpis && { kpis: request.kpis }) };
  const definitions = new Map(source.definitions().map((definition) => [definition.id, definition]));
  const portions = granularity === 'month' && plant.pilot ? byComparison(source, request, asked) : [whole];
  for (const turn of turns(granularity, { from, to }, asked.length * (request.kpis?.length ?? usualKpis))) {
    signal.throwIfAborted();
    const values: RolledValue[] = [];
    for (const portion of portions) {
      const found = source.rolled({ granularity, ...turn, ...portion });
      values.push(...found.filter(({ start }) => turn.from <= start && start < turn.to));
      signal.throwIfAborted();
      await breathe();
    }
    if (portions.length > 1) values.sort(inOrder);
    const cells = (value: RolledValue): ParquetRow => {
      const name = definitions.get(value.kpi)?.name;
      return [name?.en ?? '', name?.fa ?? '', value.asset, assets.get(value.asset)?.fa ?? ''];
    };
    yield values.map((value) => [value.kpi, ...cells(value), ...measured(plant, value)]);
    progress((turn.to - from) / (to - from), 'kpi values');
  }
}

type Portion = Pick<RolledRequest, 'kpis' | 'assets'>;

/**
 * The change of a KPI since before the pilot is computed from the days of months: each of an asset is a portion of its own,
 * so that nobody waits for all of them.
 */
function byComparison(source: ExportSource, { kpis }: ExportTask['request'], assets: readonly string[]): Portion[] {
  const asked = source.definitions().filter(({ id }) => kpis?.includes(id) ?? true);
  const lots = [...Map.groupBy(asked, ({ compares }) => compares?.id).values()];
  return assets.flatMap((asset) => lots.map((lot) => ({ assets: [asset], kpis: lot.map(({ id }) => id) })));
}

const measured = (plant: Plant, value: RolledValue): ParquetRow => [
  value.bucket.granularity,
  value.start,
  value.end,
  formatLocal(plant.zone, value.start),
  value.bucket.jalaliDate,
  bucketLabel(plant.zone, value.bucket, 'fa'),
  value.value,
  value.unit,
  value.status,
  value.coverage,
  value.flags.join(' '),
  value.revision,
  value.definitionVersion,
  null,
  targetAt(plant, value),
  value.state,
  value.inputHash,
];
