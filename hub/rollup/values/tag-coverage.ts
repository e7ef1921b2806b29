/** The contracted tags of an asset in each bucket: bound, and complete there (group `tags`). */
import { tagCoverage } from '../../kpi/data-quality.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { KpiAsset } from '../cells/site-plan.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import type { Reading, RolledRecord } from './rolled-records.ts';

export function* tagRecords(
  { contractedTags }: Plant,
  tags: SiteTags,
  reading: Reading,
  { path }: KpiAsset,
): Generator<{ readonly bucket: Bucket; readonly record: RolledRecord }> {
  const own = contractedTags.filter((tag) => tag.startsWith(`${path}/`));
  if (own.length === 0) return;
  const series = own.map((tag) => ({ isBound: tags.has(tag), told: reading.series('tags', tag) }));
  for (const [index, bucket] of reading.whole.entries()) {
    const parts = series.flatMap(({ told }) => told[index]?.parts ?? []);
    if (parts.length === 0) continue;
    yield {
      bucket,
      record: {
        elements: tagCoverage(series.map(({ isBound, told }) => (isBound ? (told[index]?.elements ?? {}) : undefined))),
        inputs: parts,
        provisional: parts.some(({ provisional }) => provisional),
        plantVersion: parts.at(-1)!.plantVersion,
      },
    };
  }
}
