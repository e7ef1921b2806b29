/** How an import is told of that a figure rests on: the file, by its hash, and who stands for it. */
import { z } from 'zod';
import type { ImportBehind } from '../../imports/behind.ts';
import { importKinds } from '../../imports/import.ts';
import { formatTime, formatTimeOrNull } from '../../plant/time-text.ts';

export const importBehindSchema = z.object({
  id: z.string(),
  kind: z.enum(importKinds),
  name: z.string().meta({ description: 'of the file' }),
  sha256: z.string().meta({ description: 'of the file' }),
  who: z.string(),
  created_at: z.string(),
  from: z.string().nullable().meta({ description: 'of its first row that was taken' }),
  to: z.string().nullable(),
  tags: z.array(z.string()).meta({ description: "of the figure's: those that it tells of" }),
  entries: z.int().meta({ description: "of the figure's: those that it brought" }),
});

export const importBehindJson = ({
  one: { id, request, who, createdAt, outcome },
  tags,
  entries,
}: ImportBehind): z.infer<typeof importBehindSchema> => ({
  ...{ id, kind: request.kind, name: request.name, sha256: request.sha256, who, created_at: formatTime(createdAt) },
  ...{ from: formatTimeOrNull(outcome?.from ?? null), to: formatTimeOrNull(outcome?.to ?? null) },
  ...{ tags: [...tags], entries },
});
