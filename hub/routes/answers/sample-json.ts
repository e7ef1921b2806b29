/** How a sample's value looks at the API: integers beyond 2^53 are decimal strings. */
import { z } from 'zod';
import type { SampleValue } from '../../../protocols/sample.ts';

export const valueSchema = z
  .union([z.number(), z.string(), z.boolean(), z.null()])
  .meta({ description: 'null is "not known"; integers beyond 2^53 are decimal strings' });

export const valueJson = (value: SampleValue): number | string | boolean | null =>
  typeof value === 'bigint' ? String(value) : value;
