/** What a plant file says for comparing and judging: references from before, weather, planned works, assessments. */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { localTime, validity } from './dates.ts';
import { codeSchema, sourceSchema } from './schema-parts.ts';

/** Share of a meter's energy in peak hours before anything was shifted (en.shifted). */
export const peakReferenceSchema = z.strictObject({
  meter: tagPathSchema,
  share: z.number().min(0).max(1),
  ...validity,
  /** Which period it was, and who told. */
  source: sourceSchema,
});

/** What a unit makes of time that it runs, and how much of that is good: for what a curtailment cost (dr.lost_output). */
export const outputReferenceSchema = z.strictObject({
  unit: tagPathSchema,
  effectiveness: z.number().positive(),
  quality: z.number().min(0).max(1),
  ...validity,
  source: sourceSchema,
});

/** Outdoor temperature, °C, and where heating and cooling begin: for the degree days of energy baselines. */
export const weatherSchema = z.strictObject({
  temperature: tagPathSchema,
  heatingBelow: z.number().default(18),
  coolingAbove: z.number().default(24),
});

/** Time in which agents and devices may be away. */
export const plannedWorksSchema = z.strictObject({ from: localTime, to: localTime, source: sourceSchema });

/** Readiness as somebody assessed it; holds until the next one of its model. */
export const assessmentSchema = z.strictObject({
  model: z.enum(['siri', 'acatech']),
  modelVersion: z.string().min(1).max(40),
  assessor: z.string().min(1).max(100),
  date: localTime,
  score: z.number(),
  dimensions: z.record(codeSchema, z.number()).default({}),
});
