/** The words that all parts of a plant file share. */
import { z } from 'zod';
import { tagPathSchema } from '../../protocols/manifest.ts';

export const nameSchema = z.strictObject({ en: z.string().min(1).max(100), fa: z.string().min(1).max(100) });
export type Name = Readonly<z.infer<typeof nameSchema>>;

/** A text of a form that a person reads in words, not as a pattern. */
export const textLike = (pattern: RegExp, en: string, fa: string) =>
  z
    .string()
    .refine((text) => pattern.test(text), { error: en, params: { fa } })
    .meta({ pattern: pattern.source });

export const codeSchema = textLike(
  /^[a-z0-9_-]+$/,
  'must be one lower-case word',
  'باید یک واژه با حروف کوچک لاتین باشد',
);
/** `HH:MM`, wall time of the plant's zone. */
export const timeOfDay = textLike(
  /^([01]\d|2[0-3]):[0-5]\d$/,
  'must be a time of day like 06:00',
  'باید ساعتی از روز مانند 06:00 باشد',
);
/** A tag other than the default one; `false` where the machine has none. */
export const tagOrNone = z.union([tagPathSchema, z.literal(false)]).optional();

export const weekdays = ['sat', 'sun', 'mon', 'tue', 'wed', 'thu', 'fri'] as const;
export const weekdaysSchema = z
  .array(z.enum(weekdays))
  .min(1)
  .default([...weekdays]);

/** Where a figure comes from: a booklet, a letter, a web page with its date. */
export const sourceSchema = z.string().min(1).max(300);
