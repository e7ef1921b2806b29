/** How an entry looks at the API: one line of its history, with what it says as a file of entries would say it. */
import { z } from 'zod';
import type { EntryContent, EntryRevision } from '../../entries/entry.ts';
import { formatTime } from '../../plant/time-text.ts';

export const entryRevisionSchema = z.object({
  id: z.int().meta({ description: 'what the entry is known by' }),
  revision: z.int(),
  site: z.string(),
  author: z.string(),
  at: z.string(),
  why: z.string(),
  content: z.record(z.string(), z.unknown()).nullable().meta({ description: 'null: there is no such entry any more' }),
});
export type EntryRevisionJson = z.infer<typeof entryRevisionSchema>;

export const entryRevisionJson = (line: EntryRevision): EntryRevisionJson => ({
  id: line.entry,
  revision: line.revision,
  site: line.site,
  author: line.author,
  at: formatTime(line.at),
  why: line.why,
  content: line.content && contentJson(line.content),
});

function contentJson(content: EntryContent): Record<string, unknown> {
  const { from, to, ...rest } = content;
  const span = content.kind === 'reading' ? { at: formatTime(from) } : { from: formatTime(from), to: formatTime(to) };
  if (rest.kind === 'bill') {
    const { amountIrr, ...bill } = rest;
    return { ...bill, ...span, amount_irr: amountIrr };
  }
  if (rest.kind === 'attendance') {
    const { workedH, ...attendance } = rest;
    return { ...attendance, ...span, worked_h: workedH };
  }
  if (rest.kind !== 'order') return { ...rest, ...span };
  const { planned, plannedScrap, ...order } = rest;
  return {
    ...order,
    ...span,
    ...(plannedScrap !== undefined && { planned_scrap: plannedScrap }),
    ...(planned && { planned: { from: formatTime(planned.start), to: formatTime(planned.end) } }),
  };
}
