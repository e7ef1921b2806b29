/**
 * What a plant file may say: site, calendar, assets, products, meters. Shapes and single values only; whether the
 * parts agree with each other is `check.ts`, and `plant-file.ts` puts both together.
 */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { stateMapSchema } from './canonical-state.ts';
import { isZone } from './zone.ts';

const nameSchema = z.strictObject({ en: z.string().min(1).max(100), fa: z.string().min(1).max(100) });
const codeSchema = z.string().regex(/^[a-z0-9_-]+$/, 'must be one lower-case word');
/** `HH:MM`, wall time of the plant's zone. */
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day like 06:00');
/** Wall time of the plant's zone. */
const localTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?$/, 'must be a date like 2025-07-07 or 2025-07-07T06:00')
  .refine((text) => !Number.isNaN(Date.parse(`${text}${text.length > 10 ? '' : 'T00:00'}Z`)), 'is no date');
/** A tag other than the default one; `false` where the machine has none. */
const tagOrNone = z.union([tagPathSchema, z.literal(false)]).optional();

export const weekdays = ['sat', 'sun', 'mon', 'tue', 'wed', 'thu', 'fri'] as const;

const stopSchema = z.strictObject({
  name: nameSchema,
  /** Before the shift's start means on the next day. */
  start: timeOfDay,
  end: timeOfDay,
});

const shiftSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  start: timeOfDay,
  /** At or before `start` means on the next day. */
  end: timeOfDay,
  /** Days on which the shift starts. */
  weekdays: z
    .array(z.enum(weekdays))
    .min(1)
    .default([...weekdays]),
  breaks: z.array(stopSchema).default([]),
  /** Planned down time besides breaks: cleaning, planned maintenance. */
  plannedStops: z.array(stopSchema).default([]),
});

const unitSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  stateMap: codeSchema,
  /** Tag paths below the site. Default: the unit's path and the state map's tag, `count-total`, `count-good`, `count-scrap`. */
  tags: z
    .strictObject({
      state: tagPathSchema.optional(),
      mode: tagPathSchema.optional(),
      countTotal: tagOrNone,
      countGood: tagOrNone,
      countScrap: tagOrNone,
    })
    .prefault({}),
});

const lineSchema = z.strictObject({ code: codeSchema, name: nameSchema, units: z.array(unitSchema).min(1) });
const areaSchema = z.strictObject({ code: codeSchema, name: nameSchema, lines: z.array(lineSchema).min(1) });

const productSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  /** PRI of ISO 22400-2 on each unit: seconds per piece. From and to are wall time; absent is always. */
  rates: z.array(
    z.strictObject({
      unit: tagPathSchema,
      plannedRunTimeS: z.number().positive(),
      from: localTime.optional(),
      to: localTime.optional(),
    }),
  ),
});

const meterSchema = z.strictObject({
  path: tagPathSchema,
  name: nameSchema,
  carrier: z.enum(['electricity', 'gas', 'water', 'fuel', 'steam', 'air']),
  tags: z
    .strictObject({
      /** The register or pulse counter. Default: `kwh` below the meter for electricity, `pulses` for the others. */
      register: tagPathSchema.optional(),
      /** Active power. Default for electricity: `power` below the meter. */
      power: tagOrNone,
    })
    .prefault({}),
  /** What a scaled register counts. Default: kWh for electricity, m³ for the others. */
  unit: z.string().min(1).max(20).optional(),
  demandIntervalMin: z.union([z.literal(5), z.literal(10), z.literal(15), z.literal(30), z.literal(60)]).default(15),
  /** The meter upstream of this one. */
  parent: tagPathSchema.optional(),
  /** Paths of the areas, lines or units that it measures; none is the whole site. */
  measures: z.array(tagPathSchema).default([]),
});

export const plantShape = z.strictObject({
  site: tagPathSchema,
  name: nameSchema,
  zone: z.string().refine(isZone, 'is no IANA time zone').default('Asia/Tehran'),
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
  stateMaps: z.record(codeSchema, stateMapSchema),
  shifts: z.array(shiftSchema).min(1),
  areas: z.array(areaSchema).min(1),
  products: z.array(productSchema).default([]),
  /** When orders were at a unit. A unit that is not named here always has one inside its planned busy time. */
  orders: z.array(z.strictObject({ unit: tagPathSchema, from: localTime, to: localTime })).default([]),
  meters: z.array(meterSchema).default([]),
});
export type PlantConfig = z.infer<typeof plantShape>;
