/** What the running demand block of a meter has come to, minute by minute, and what it will come to (TV-E). */
import type { TimeUs } from '../../../protocols/sample.ts';
import { forecastDemand } from '../../kpi/demand-forecast.ts';
import type { Meter } from '../../plant/meter.ts';
import type { Plant } from '../../plant/plant.ts';
import { hourUs, minuteUs, zoneOffsetUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import { readDemand } from './read-demand.ts';

export interface RunningDemand {
  readonly start: TimeUs;
  readonly end: TimeUs;
  /** If power stays as it is; null: a whole minute of it was not measured. */
  readonly forecastKw: number | null;
}

/** @throws {ConnectionError} the store is away. */
export async function runningDemand(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  meter: Meter,
  tags: SiteTags,
  { intervalUs, now }: { readonly intervalUs: number; readonly now: TimeUs },
  signal: AbortSignal,
): Promise<RunningDemand> {
  const offsetUs = zoneOffsetUs(plant.zone, now);
  const start = Math.floor((now + offsetUs) / intervalUs) * intervalUs - offsetUs;
  const told = Math.floor(now / minuteUs) * minuteUs;
  const block = { start, end: start + intervalUs };
  if (told <= start) return { ...block, forecastKw: null };
  const method = { intervalUs: minuteUs, stepUs: minuteUs };
  const minutes = await readDemand(reader, plant, meter, tags, method, { start, end: told }, signal);
  const kwNow = minutes.at(-1)?.kw;
  if (kwNow === undefined || minutes.some(({ kw }) => kw === undefined)) return { ...block, forecastKw: null };
  const kwhSoFar = minutes.reduce((sum, { kw }) => sum + (kw! * minuteUs) / hourUs, 0);
  const [restS, intervalS] = [(block.end - told) / 1e6, intervalUs / 1e6];
  return { ...block, forecastKw: forecastDemand({ kwhSoFar, kwNow, restS, intervalS }) };
}
