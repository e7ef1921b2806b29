/** What a plant file says for comparing and judging: references from before, weather, planned works, assessments. */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { localTime, validity } from './dates.ts';
import { codeSchema, nameSchema, sourceSchema } from './schema-parts.ts';

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

/** Figures of the pilot's months are held against those of the time before (pl.delta). */
export const pilotSchema = z.strictObject({
  /** The first day that counts, and the one that does not any more. */
  ...validity,
  from: localTime,
  /** Days of which samples are stored: measured, or imported. */
  baseline: z.strictObject({ from: localTime, to: localTime }).optional(),
  /** Figures from signed records of a time before, which stand in place of what is stored. */
  declared: z
    .array(
      z.strictObject({
        kpi: z.string().min(1),
        /** Path below the site; the site itself where nothing is said. */
        asset: tagPathSchema.optional(),
        value: z.number(),
        /** How many days it is of. */
        days: z.int().min(1),
        source: sourceSchema,
      }),
    )
    .default([]),
  /** What else has changed and is not the pilot's: equipment, shifts, range of products. */
  staticChanges: z.array(z.strictObject({ date: localTime, what: nameSchema })).default([]),
});

/** Readiness as somebody assessed it; holds until the next one of its model. */
export const assessmentSchema = z.strictObject({
  model: z.enum(['siri', 'acatech']),
  modelVersion: z.string().min(1).max(40),
  assessor: z.string().min(1).max(100),
  date: localTime,
  score: z.number(),
  dimensions: z.record(codeSchema, z.number()).default({}),
});
