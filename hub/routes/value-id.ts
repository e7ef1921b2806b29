/** The id of a KPI value at the API: its key as text, so that it can be asked for again. */
import { z } from 'zod';
import { type Granularity, granularities } from '../rollup/grid.ts';
import type { RolledValue } from '../rollup/rolled-values.ts';

export interface ValueKey {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: Granularity;
  readonly start: number;
}

const keySchema = z.tuple([z.string(), z.string(), z.enum(granularities), z.int()]);

export const encodeValueId = ({ kpi, asset, bucket }: RolledValue): string =>
  Buffer.from(JSON.stringify([kpi, asset, bucket.granularity, bucket.start])).toString('base64url');

/** undefined for what was never such an id. */
export function decodeValueId(id: string): ValueKey | undefined {
  try {
    const [kpi, asset, granularity, start] = keySchema.parse(JSON.parse(Buffer.from(id, 'base64url').toString()));
    return { kpi, asset, granularity, start };
  } catch {
    return undefined;
  }
}
