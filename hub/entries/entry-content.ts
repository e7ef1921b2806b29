/** What an entry says, as the API and files of entries write it. */
import { z } from 'zod';
import { timeOrDateParameter } from '../plant/time-parameters.ts';
import type { EntryContent } from './entry.ts';

export const text = (longest: number) => z.string().trim().min(1).max(longest);
const pieces = z.number().min(0).max(1e9);
const about = {
  asset: text(300).meta({ description: 'full path of the unit or meter; of attendance, also of a line or area' }),
  from: timeOrDateParameter,
  to: timeOrDateParameter,
  note: text(1000).optional(),
};
export const entryContentSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('downtime'), ...about, reason: text(60) }),
  z.strictObject({
    kind: z.literal('order'),
    ...about,
    code: text(60).optional(),
    product: text(60).optional(),
    quantity: z.number().positive().max(1e9).optional(),
    planned_scrap: pieces.optional(),
    planned: z.strictObject({ from: timeOrDateParameter, to: timeOrDateParameter }).optional(),
  }),
  z.strictObject({
    kind: z.literal('count'),
    ...about,
    good: pieces,
    scrap: pieces.default(0),
    rework: pieces.default(0),
  }),
  z.strictObject({
    kind: z.literal('inspection'),
    ...about,
    inspected: pieces.meta({ description: 'pieces inspected for the first time' }),
    good: pieces.meta({ description: 'of them, those that were good then' }),
    product: text(60).optional(),
  }),
  z.strictObject({
    kind: z.literal('attendance'),
    ...about,
    people: z.int().min(0).max(100_000).meta({ description: 'how many were there all of the time; no names' }),
    worked_h: z
      .number()
      .min(0)
      .max(1e8)
      .meta({ description: 'person-hours that they worked on orders, all of them together' }),
  }),
  z.strictObject({
    kind: z.literal('reading'),
    asset: about.asset,
    at: timeOrDateParameter,
    value: z.number().min(0).max(1e15),
    note: about.note,
  }),
  z.strictObject({
    kind: z.literal('bill'),
    ...about,
    quantity: pieces.max(1e12),
    amount_irr: z.number().min(0).max(1e15),
    number: text(60).optional(),
  }),
]);

export function contentOf(body: z.infer<typeof entryContentSchema>): EntryContent {
  switch (body.kind) {
    case 'order': {
      const { planned, planned_scrap, ...rest } = body;
      return {
        ...rest,
        ...(planned_scrap !== undefined && { plannedScrap: planned_scrap }),
        ...(planned && { planned: { start: planned.from, end: planned.to } }),
      };
    }
    case 'reading': {
      const { at, ...rest } = body;
      return { ...rest, from: at, to: at };
    }
    case 'attendance': {
      const { worked_h, ...rest } = body;
      return { ...rest, workedH: worked_h };
    }
    case 'bill': {
      const { amount_irr, ...rest } = body;
      return { ...rest, amountIrr: amount_irr };
    }
    default:
      return body;
  }
}
