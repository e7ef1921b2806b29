/**
 * What a plant file may say. Shapes and single values only; whether the parts agree with each other is `check.ts`,
 * and `plant-file.ts` puts both together. Each part of the file has its schema beside this one.
 */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { stateMapSchema } from './canonical-state.ts';
import { validity } from './dates.ts';
import { exceptionSchema, shiftSchema } from './schema-calendar.ts';
import {
  baselineSchema,
  contractSchema,
  eventSchema,
  factorSchema,
  limitSchema,
  meterSchema,
  tariffSchema,
} from './schema-energy.ts';
import { codeSchema, nameSchema, sourceSchema, textLike, timeOfDay } from './schema-parts.ts';
import { areaSchema, orderSchema, productSchema } from './schema-production.ts';
import {
  assessmentSchema,
  outputReferenceSchema,
  peakReferenceSchema,
  pilotSchema,
  plannedWorksSchema,
  weatherSchema,
} from './schema-references.ts';
import { isZone } from './zone.ts';

/** What a site belongs to above the enterprise: for roll-ups of agencies, which never change the tree. */
const groupsSchema = z.strictObject({
  enterprise: nameSchema.optional(),
  province: nameSchema.optional(),
  estate: nameSchema.optional(),
  holding: nameSchema.optional(),
  /** ISIC Rev. 4 division or class: `24`, `2410`. */
  isic: textLike(
    /^\d{2,4}$/,
    'must be two to four digits of ISIC Rev. 4',
    'باید دو تا چهار رقم از ISIC ویرایش ۴ باشد',
  ).optional(),
  programmes: z.array(codeSchema).default([]),
});

const reasonSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  /** What it is part of. */
  parent: codeSchema.optional(),
  /** How time with this reason is booked where the state alone cannot tell. */
  class: z.enum(['failure', 'internal', 'external', 'organisational', 'minor', 'energy', 'planned']).optional(),
});

const targetSchema = z.strictObject({
  kpi: z.string().min(1),
  /** Path below the site; the site itself where nothing is said. */
  asset: tagPathSchema.optional(),
  value: z.number(),
  ...validity,
  source: sourceSchema.optional(),
});

export const plantShape = z.strictObject({
  site: tagPathSchema,
  name: nameSchema,
  groups: groupsSchema.prefault({}),
  zone: z
    .string()
    .refine(isZone, { error: 'is no IANA time zone', params: { fa: 'منطقهٔ زمانی IANA نیست' } })
    .default('Asia/Tehran'),
  /** When a business day begins; its date is that of its beginning. */
  businessDayStart: timeOfDay.default('00:00'),
  /** Coverage from which a value is `ok` or `partial`; below it there is none (R5). */
  coverage: z
    .strictObject({ ok: z.number().min(0).max(1).default(0.95), partial: z.number().min(0).max(1).default(0.8) })
    .prefault({}),
  /** Largest drop of a counter that is noise, in raw counts (R6). */
  counterJitter: z
    .strictObject({ pieces: z.number().min(0).default(2), registers: z.number().min(0).default(1) })
    .prefault({}),
  /** Whether a notified power curtailment is a delay of class energy or planned down time. */
  curtailmentCountsAs: z.enum(['delay', 'planned_down']).default('delay'),
  mtbfDenominator: z.enum(['FE', 'FE+1']).default('FE'),
  stateMaps: z.record(codeSchema, stateMapSchema),
  shifts: z.array(shiftSchema).min(1),
  exceptions: z.array(exceptionSchema).default([]),
  areas: z.array(areaSchema).min(1),
  products: z.array(productSchema).default([]),
  /** When orders were at a unit. A unit that is not named here always has one inside its planned busy time. */
  orders: z.array(orderSchema).default([]),
  reasons: z.array(reasonSchema).default([]),
  meters: z.array(meterSchema).default([]),
  tariffs: z.array(tariffSchema).default([]),
  contracts: z.array(contractSchema).default([]),
  limits: z.array(limitSchema).default([]),
  events: z.array(eventSchema).default([]),
  baselines: z.array(baselineSchema).default([]),
  factors: z.array(factorSchema).default([]),
  targets: z.array(targetSchema).default([]),
  /** Paths below the site of the tags that the contract of the pilot lists. */
  contractedTags: z.array(tagPathSchema).default([]),
  peakReferences: z.array(peakReferenceSchema).default([]),
  outputReferences: z.array(outputReferenceSchema).default([]),
  weather: weatherSchema.optional(),
  plannedWorks: z.array(plannedWorksSchema).default([]),
  assessments: z.array(assessmentSchema).default([]),
  pilot: pilotSchema.optional(),
});
export type PlantConfig = z.infer<typeof plantShape>;
