/** Why units stood in a month, as people have said, held against what their states were then. */
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { siteTags } from '../../rollup/samples/site-tags.ts';
import { type Downtime, downtimeByReason } from '../../rollup/values/downtime.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { ExportSource } from '../source.ts';

/** By path of the unit and code of the reason. */
export type Explained = ReadonlyMap<string, ReadonlyMap<string, Downtime>>;

/** Reads the states around the entries of a month. @throws {ConnectionError} the store is away. */
export async function explainedStops(
  { reader, tags, clock }: Pick<ExportSource, 'tags' | 'clock'> & { readonly reader: Pick<TelemetryReader, 'series'> },
  plant: Plant,
  month: Span,
  signal: AbortSignal,
): Promise<Explained> {
  const known = siteTags(plant.path, tags());
  const explained = new Map<string, ReadonlyMap<string, Downtime>>();
  for (const unit of plant.units) {
    const span = { start: month.start, end: month.end, now: clock.now() };
    const found = await downtimeByReason(reader, plant, [unit], known, span, signal);
    if (found.size > 0) explained.set(unit.path, found);
  }
  return explained;
}
