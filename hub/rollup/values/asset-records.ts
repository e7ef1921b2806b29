/** Records of an asset from which a definition is computed, one for every bucket that has any, with its parameters. */
import type { TimeUs } from '../../../protocols/sample.ts';
import { eventElements } from '../../kpi/demand-response.ts';
import { mergeElements } from '../../kpi/elements.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { finish, mergeInTime } from '../../kpi/merge-sums.ts';
import type { KpiParameters } from '../../kpi/parameters.ts';
import type { Sums } from '../../kpi/sums.ts';
import { type Bucket, describe } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets } from '../buckets/buckets.ts';
import type { KpiAsset } from '../cells/site-plan.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import { baselineOf } from './baseline-in-force.ts';
import { eventBaseline } from './event-baseline.ts';
import { parametersOf } from './kpi-parameters.ts';
import type { AppliedPlant } from './parameter-history.ts';
import { exportMeters, type Reading, type RolledRecord, rolledRecords, seriesOf } from './rolled-records.ts';
import { tagRecords } from './tag-coverage.ts';

/** What all values of a site in one answer share. */
export interface Site {
  readonly plant: Plant;
  readonly tags: SiteTags;
  /** The model that gives parameters: as of a time, the one that was in force then. */
  readonly model: Plant;
  readonly versions: readonly AppliedPlant[];
  readonly buckets: Buckets;
  readonly completed: readonly string[];
  readonly range: { readonly from: TimeUs; readonly to: TimeUs };
  readonly times: { readonly now: TimeUs; readonly asOf: TimeUs | undefined };
}

export interface AssetRecord {
  readonly bucket: Bucket;
  readonly record: RolledRecord;
  readonly parameters: KpiParameters;
}

type Definition = Pick<KpiDefinition, 'groups' | 'needs' | 'parameters'>;

/** Of whole buckets. */
export function assetRecords(site: Site, reading: Reading, asset: KpiAsset, definition: Definition): AssetRecord[] {
  const { plant, tags, model } = site;
  const { groups, needs } = definition;
  const withParameters = (found: Iterable<Omit<AssetRecord, 'parameters'>>): AssetRecord[] =>
    [...found].map((one) => ({ ...one, parameters: parametersOf(model, asset, one.bucket) }));
  const [first] = groups;
  if (first === undefined) return told(site, reading, withParameters, definition);
  if (first === 'tags') return withParameters(tagRecords(plant, tags, reading, asset));
  if (first === 'event') {
    return reading.whole.flatMap((bucket) => {
      const events = plant.events.filter(
        ({ meter, from }) => meter === asset.path && bucket.start <= from && from < bucket.end,
      );
      return events.length === 0 ? [] : [joined(site, events, bucket, parametersOf(model, asset, bucket))];
    });
  }
  const sources = groups.map((group) => ({
    group,
    assets: seriesOf(plant, asset, group, site.completed),
    exported: exportMeters(plant, asset, group).map(({ path }) => path),
  }));
  const empty = sources.filter(({ assets }) => assets.length === 0).length;
  if (empty === sources.length || (needs.length > 0 && empty > 0)) return [];
  return withParameters(rolledRecords(reading, sources));
}

/** What is told and not measured has a record where its parameters are there. */
function told(
  { plant, times }: Site,
  { whole }: Reading,
  withParameters: (found: Iterable<Omit<AssetRecord, 'parameters'>>) => AssetRecord[],
  { parameters: read }: Definition,
): AssetRecord[] {
  const records = whole.map((bucket) => ({
    bucket,
    record: { elements: {}, inputs: [], provisional: bucket.end > times.now, plantVersion: plant.version },
  }));
  return withParameters(records).filter(({ parameters }) => read.some((name) => parameters[name] !== undefined));
}

/** It is held against the energy of whole periods of its model, with the variables of the same. */
export function withBaseline({ buckets, model, times }: Site, asset: KpiAsset, asked: AssetRecord): AssetRecord {
  const found = baselineOf(buckets, model, asset, asked.bucket, times);
  if (!found) return asked;
  const { absent_s = 0 } = asked.record.elements;
  return {
    ...asked,
    record: { ...asked.record, elements: { ...found.energy, absent_s }, inputs: found.inputs },
    parameters: { ...asked.parameters, baseline: found.baseline },
  };
}

/** Of events and notified limits themselves, each over its own time. */
export function eventRecords(site: Site, asset: KpiAsset, { groups }: Definition): AssetRecord[] {
  const { plant, model, range } = site;
  const touches = ({ meter, from, to }: { meter: string; from: TimeUs; to: TimeUs }) =>
    meter === asset.path && from < range.to && range.from < to && from < site.times.now;
  const bucketOf = ({ from, to, code }: { from: TimeUs; to: TimeUs; code: string }): Bucket => ({
    ...describe(plant, 'event', { start: from, end: to }),
    event: code,
  });
  if (groups[0] === 'event') {
    return plant.events.filter(touches).map((event) => {
      const bucket = bucketOf(event);
      return joined(site, [event], bucket, parametersOf(model, asset, bucket));
    });
  }
  return plant.limits.filter(touches).flatMap((limit) => {
    const bucket = bucketOf(limit);
    const record = capRecord(site, bucket, asset.path);
    return record ? [{ bucket, record, parameters: parametersOf(model, asset, bucket) }] : [];
  });
}

function capRecord({ buckets, times }: Site, { start, end }: Bucket, meter: string): RolledRecord | undefined {
  const { now, asOf } = times;
  const cells = buckets.read({ tier: 'cell', group: 'cap', assets: [meter], from: start, to: end, asOf });
  const [first] = cells;
  if (!first) return undefined;
  const sums: Sums = {};
  for (const cell of cells) mergeInTime(sums, cell.sums);
  return {
    elements: finish(sums),
    inputs: cells,
    provisional: end > now || cells.some(({ provisional }) => provisional),
    plantVersion: cells.at(-1)!.plantVersion,
  };
}

function joined(
  { buckets, plant, times }: Site,
  events: Plant['events'],
  bucket: Bucket,
  parameters: KpiParameters,
): AssetRecord {
  const records = events.map((event) => {
    const { baseline, intervals, inputs, provisional } = eventBaseline(buckets, plant, event, times.now, times.asOf);
    const { method, fallback, days, adjustmentKw } = baseline;
    const cbl = { method, days: days.length, adjustmentKw, ...(fallback !== undefined && { fallback }) };
    return { elements: eventElements(intervals, event.requestKw), cbl, inputs, provisional };
  });
  const [first, ...others] = records;
  const isOne = others.every(
    ({ cbl }) =>
      cbl.method === first!.cbl.method && cbl.fallback === first!.cbl.fallback && cbl.days === first!.cbl.days,
  );
  return {
    bucket,
    record: {
      elements: mergeElements(
        records.map(({ elements }) => elements),
        'time',
      ),
      inputs: records.flatMap(({ inputs }) => inputs),
      provisional: records.some(({ provisional }) => provisional),
      plantVersion: plant.version,
    },
    // Of several events with baselines of different kinds, each says for itself which.
    parameters: { ...parameters, ...(isOne && { cbl: first!.cbl }) },
  };
}
