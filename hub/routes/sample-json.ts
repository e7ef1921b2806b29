/** How a sample looks at the API: integers beyond 2^53 as decimal strings, flags by name, the quality as its OPC UA StatusCode. */
import { z } from 'zod';
import { flag, isBad, isGood, type SampleValue } from '../../protocols/sample.ts';

export const valueSchema = z
  .union([z.number(), z.string(), z.boolean(), z.null()])
  .meta({ description: 'null is "not known"; integers beyond 2^53 are decimal strings' });

export const valueJson = (value: SampleValue): number | string | boolean | null =>
  typeof value === 'bigint' ? String(value) : value;

export type Severity = 'good' | 'uncertain' | 'bad';
export const severityOf = (quality: number): Severity =>
  isGood(quality) ? 'good' : isBad(quality) ? 'bad' : 'uncertain';

/** By the flag byte: the same few lists serve all samples. */
const names = Array.from({ length: 256 }, (_, bits) =>
  Object.entries(flag)
    .filter(([, bit]) => bits & bit)
    .map(([name]) => name),
);
export const flagNames = (flags: number): readonly string[] => names[flags & 0xff]!;
