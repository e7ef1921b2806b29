/** What a plant file says of units, products and orders. */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { localTime, validity } from './dates.ts';
import { codeSchema, nameSchema, tagOrNone } from './schema-parts.ts';

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
      /** Only where the machine tells it. */
      countRework: tagPathSchema.optional(),
    })
    .prefault({}),
  /** Rated capacity (EPC), pieces per hour. */
  capacityPerHour: z.number().positive().optional(),
  /** It is the first operation of its line: what it made is what the line began with (fall-off ratio). */
  first: z.boolean().default(false),
  /** A FAULT that lasts at least so long is a failure (FE). */
  failureS: z.number().min(0).default(300),
});

const lineSchema = z.strictObject({ code: codeSchema, name: nameSchema, units: z.array(unitSchema).min(1) });
export const areaSchema = z.strictObject({ code: codeSchema, name: nameSchema, lines: z.array(lineSchema).min(1) });

export const productSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  /** Standard units that one piece stands for, and its mass: for figures over several products. */
  standardCoefficient: z.number().positive().default(1),
  massKg: z.number().positive().optional(),
  /** PRI of ISO 22400-2 on each unit: seconds per piece. From and to are wall time; absent is always. */
  rates: z.array(z.strictObject({ unit: tagPathSchema, plannedRunTimeS: z.number().positive(), ...validity })),
});

export const orderSchema = z.strictObject({
  unit: tagPathSchema,
  code: z.string().min(1).max(60).optional(),
  product: codeSchema.optional(),
  /** Pieces ordered (POQ), and scrap that was planned for (PSQ). */
  quantity: z.number().positive().optional(),
  plannedScrap: z.number().min(0).optional(),
  /** When it was at the unit. */
  from: localTime,
  to: localTime,
  /** When it was to be there; as it was where nothing is said. */
  planned: z.strictObject({ from: localTime, to: localTime }).optional(),
});
