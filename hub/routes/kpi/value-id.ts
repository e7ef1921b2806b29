/** The id of a KPI value at the API: its key as text, so that it can be asked for again. */
import { z } from 'zod';
import { type BucketKind, granularities } from '../../plant/grid.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';

export interface ValueKey {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: BucketKind;
  readonly start: number;
  /** What the hub knew then; undefined is now. */
  readonly asOf: number | undefined;
}

const keySchema = z.tuple([z.string(), z.string(), z.enum([...granularities, 'event']), z.int(), z.int().optional()]);

export const encodeValueId = ({ kpi, asset, bucket }: RolledValue, asOf: number | undefined): string =>
  Buffer.from(
    JSON.stringify([kpi, asset, bucket.granularity, bucket.start, ...(asOf === undefined ? [] : [asOf])]),
  ).toString('base64url');

/** undefined for what was never such an id. */
export function decodeValueId(id: string): ValueKey | undefined {
  try {
    const [kpi, asset, granularity, start, asOf] = keySchema.parse(JSON.parse(Buffer.from(id, 'base64url').toString()));
    return { kpi, asset, granularity, start, asOf };
  } catch {
    return undefined;
  }
}
