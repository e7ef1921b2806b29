/** How imports are told: an import, a row that was refused, a sample that counts no more. */
import { z } from 'zod';
import { type Import, importFormats, importKinds } from '../../imports/import.ts';
import type { Progress } from '../../imports/work.ts';
import { formatTime, formatTimeOrNull } from '../../plant/time-text.ts';
import { inLanguage, type Language, type Said } from '../../words.ts';
import { nameSchema } from '../answers/rows.ts';
import { valueSchema } from '../answers/sample-json.ts';

const outcomeSchema = z.object({
  rows: z.int(),
  taken: z.int().meta({ description: 'new: put in, or that would be' }),
  known: z.int().meta({ description: 'say what is stored already' }),
  refused: z.record(z.string(), z.int()).meta({ description: 'by kind of reason; /imports/{id}/refused lists them' }),
  from: z.string().nullable(),
  to: z.string().nullable(),
  numbers: z.int().meta({ description: 'in its stream: samples, and since when and until when they are known' }),
  tags: z.int(),
});

export const importSchema = z.object({
  id: z.string(),
  kind: z.enum(importKinds),
  format: z.enum(importFormats),
  site: z.string(),
  name: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  who: z.string(),
  created_at: z.string(),
  dry_run: z.boolean(),
  state: z.enum(['receiving', 'checking', 'checked', 'writing', 'done', 'failed', 'undone']),
  received: z.int().meta({ description: 'bytes of the file that are here: go on from there' }),
  progress: z.number().meta({ description: '0 to 1' }),
  step: z.string().meta({ description: 'in the language of Accept-Language' }),
  outcome: outcomeSchema.nullable(),
  stream: z.int().nullable(),
  ended_at: z.string().nullable(),
  why: z.string().nullable().meta({ description: 'it failed, in the language of Accept-Language; or was undone' }),
});

const reasonSchema = {
  kind: z.string(),
  reason: z.string().meta({ description: 'in the language of Accept-Language' }),
  messages: nameSchema.meta({ description: 'the reason in both languages' }),
};
export const refusalSchema = z.object({ line: z.int(), ...reasonSchema });
export const overtakenSchema = z.object({
  number: z.int().meta({ description: 'in the stream of the import' }),
  tag: z.string(),
  time: z.string(),
  value: valueSchema.meta({ description: 'that the import tells' }),
  measured: z
    .object({ time: z.string(), value: valueSchema, quality: z.int() })
    .meta({ description: "the gateway's sample of that time, or the last one before it" }),
  ...reasonSchema,
});
export const reasonJson = (reason: Said, language: Language) => ({
  reason: inLanguage(reason, language),
  messages: { en: inLanguage(reason, 'en'), fa: inLanguage(reason, 'fa') },
});

export const importJson = (
  { id, request, who, createdAt, dryRun, state, received, outcome, stream, endedAt, why }: Import,
  { share, step }: Progress,
  language: Language,
): z.infer<typeof importSchema> => {
  const { kind, format, site, name, bytes, sha256 } = request;
  const times = { from: formatTimeOrNull(outcome?.from ?? null), to: formatTimeOrNull(outcome?.to ?? null) };
  return {
    ...{ id, kind, format, site, name, bytes, sha256, who, created_at: formatTime(createdAt), dry_run: dryRun, state },
    ...{ received, progress: endedAt === null ? share : 1, step: inLanguage(step, language) },
    outcome: outcome && { ...outcome, refused: { ...outcome.refused }, ...times },
    ...{ stream, ended_at: formatTimeOrNull(endedAt), why: why && inLanguage(why, language) },
  };
};
