/** Times as people write them, in requests and in files of entries: read, or refused in both languages. */
import { z } from 'zod';
import type { TimeUs } from '../../protocols/sample.ts';
import { type Moment, parseInstant, parseMoment } from './time-text.ts';

export const refuseTime = (context: z.RefinementCtx): never => {
  const message = 'must be a time as ISO 8601 with Z or an offset, or a date like 1404-04-16 or 2025-07-07';
  const fa = 'باید زمانی با Z یا اختلاف ساعت، یا تاریخی مانند 1404-04-16 یا 2025-07-07 باشد';
  context.addIssue({ code: 'custom', message, params: { fa } });
  return z.NEVER;
};

const timeText = z
  .string()
  .max(64)
  .meta({ examples: ['1404-04-16', '2025-07-07', '2025-07-07T06:00:00+03:30'] });

/** An offset's + that was not escaped arrives as a blank. */
export const withPlus = (text: string): string => text.replace(/(T\S+) (?=\S+$)/i, '$1+');

/** A time, or a date of either calendar: the beginning of that day in Iran. */
export const timeOrDateParameter = timeText.transform((text, context): TimeUs => {
  return parseInstant(withPlus(text), 'Asia/Tehran') ?? refuseTime(context);
});

/** As `timeOrDateParameter`, but a day begins when the business day of the plant does that is asked about. */
export const momentParameter = timeText.transform((text, context): Moment => {
  return parseMoment(withPlus(text)) ?? refuseTime(context);
});
