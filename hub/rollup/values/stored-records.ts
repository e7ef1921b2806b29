/** Stored elements of one group of assets, bucket by bucket: what figures beside the catalogue's are made of. */
import type { ElementGroup } from '../../kpi/element.ts';
import type { Bucket } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Buckets } from '../buckets/buckets.ts';
import { createReading, type Range, type RolledRecord, rolledRecords } from './rolled-records.ts';

export interface StoredRecord extends RolledRecord {
  readonly asset: string;
  readonly bucket: Bucket;
}

/** @param assets paths of units or meters. @returns asset by asset, each ascending. */
export function storedRecords(
  buckets: Pick<Buckets, 'read'>,
  plant: Plant,
  group: ElementGroup,
  assets: readonly string[],
  range: Range,
): StoredRecord[] {
  const reading = createReading(buckets, plant, range);
  return assets.flatMap((asset) =>
    [...rolledRecords(reading, [{ group, assets: [asset] }])].map(({ bucket, record }) => ({
      asset,
      bucket,
      ...record,
    })),
  );
}
