/** What a plant file says of time: shifts and their exceptions. */
import { z } from 'zod';
import { localTime, validity } from './dates.ts';
import { codeSchema, nameSchema, timeOfDay, weekdaysSchema } from './schema-parts.ts';

const stopSchema = z.strictObject({
  name: nameSchema,
  /** Before the shift's start means on the next day. */
  start: timeOfDay,
  end: timeOfDay,
});

export const shiftSchema = z.strictObject({
  code: codeSchema,
  name: nameSchema,
  start: timeOfDay,
  /** At or before `start` means on the next day. */
  end: timeOfDay,
  /** Days on which the shift starts. */
  weekdays: weekdaysSchema,
  /** Days of its starts; a Ramadan variant of a shift has the days of that Ramadan, the usual one the others. */
  ...validity,
  breaks: z.array(stopSchema).default([]),
  /** Planned down time besides breaks: cleaning, planned maintenance. */
  plannedStops: z.array(stopSchema).default([]),
  /** Crews that take turns, first on the shift of `since`: `A B C D` on a shift of four crews. For labels only. */
  crews: z
    .strictObject({
      turn: z.array(z.string().min(1).max(20)).min(1),
      since: localTime,
      days: z.int().min(1).default(1),
    })
    .optional(),
});

/** A holiday, a closure, or a day that is worked although its weekday is not: decided by its date, not its weekday. */
export const exceptionSchema = z.strictObject({
  /** The day, or the first one. */
  date: localTime,
  /** The last day, where there are several. */
  until: localTime.optional(),
  name: nameSchema,
  /** Codes of the shifts that start on these days; none is a day off. */
  shifts: z.array(codeSchema).default([]),
});
