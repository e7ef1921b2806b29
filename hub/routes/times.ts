/** Times as parameters of the API, and the windows that two of them make. */
import { z } from 'zod';
import type { TimeUs } from '../../protocols/sample.ts';
import { parseLocal } from '../plant/dates.ts';
import { parseTime } from '../plant/instant.ts';
import { fromLocal } from '../plant/zone.ts';
import { invalid } from './problem.ts';

const dayUs = 86_400_000_000;
const maxWindowDays = 400;

export const timeParameter = z
  .string()
  .max(64)
  .meta({ format: 'date-time', examples: ['2025-07-07T06:00:00+03:30'] })
  .transform((text, context): TimeUs => {
    const time = parseTime(text);
    if (time !== undefined) return time;
    const message = 'must be a time as ISO 8601 with Z or an offset: 2025-07-07T06:00:00+03:30';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

/** A time, or a date of either calendar: the beginning of that day in Iran. */
export const timeOrDateParameter = z
  .string()
  .max(64)
  .meta({ examples: ['2025-07-07T06:00:00+03:30', '2025-07-07', '1404-04-16'] })
  .transform((text, context): TimeUs => {
    const local = parseLocal(text);
    const time = parseTime(text) ?? (local === undefined ? undefined : fromLocal('Asia/Tehran', local));
    if (time !== undefined) return time;
    const message = 'must be a time with Z or an offset, or a date like 2025-07-07 or 1404-04-16';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

export interface Window {
  readonly from: TimeUs;
  /** Not in it. */
  readonly to: TimeUs;
}

const quarterUs = 900_000_000;

/** Four quarter-hours, the last one still running: as it has not ended, its KPIs are computed anew each time and kept nowhere. */
export function runningHour(now: TimeUs): Window {
  const to = (Math.floor(now / quarterUs) + 1) * quarterUs;
  return { from: to - 4 * quarterUs, to };
}

/** The window asked for; what is left out comes from `usual`. @throws {ProblemError} */
export function windowOf(query: { from?: TimeUs | undefined; to?: TimeUs | undefined }, usual: Window): Window {
  const to = query.to ?? usual.to;
  const from = query.from ?? to - (usual.to - usual.from);
  if (from >= to) throw invalid('from', 'must be before "to"');
  if (to - from > maxWindowDays * dayUs) {
    throw invalid('from', `the window may be at most ${maxWindowDays} days: ask in parts`);
  }
  return { from, to };
}
