/** A walk without questions: what a technician noted down is held against what the agent has, tag by tag. */
import { readFileSync, statSync } from 'node:fs';
import { decodeSpreadsheet, parseSpreadsheet } from '../../../config/spreadsheet.ts';
import { ConfigError } from '../../../protocols/errors.ts';
import { latestOf, type Observed, observe, TagChangedError } from '../../commissioning/observe.ts';
import { type NotedReading, readingsOf } from '../../commissioning/readings.ts';
import { compareRead, percentOf, type Read, rowOf } from '../../commissioning/row.ts';
import { type Suggestion, suggest, suggestionText, suggestScale } from '../../commissioning/suggest.ts';
import type { WalkTag } from '../../commissioning/tags.ts';
import { usageError } from '../command.ts';
import { correct, correctionOf } from './correct.ts';
import { unanswered, type WalkContext } from './walk-context.ts';

/** @throws {ConfigError} the file is not as it should be, or names a tag that the agent does not have. */
export function loadReadings(file: string, tags: readonly WalkTag[]): NotedReading[] {
  const { text } = decodeSpreadsheet(readBytes(file));
  const readings = readingsOf(parseSpreadsheet(text, file).rows, file);
  const stranger = readings.find(({ path }) => !tags.some((tag) => tag.path === path));
  if (stranger) {
    throw usageError(
      `no tag "${stranger.path}" is to be visited`,
      'See the names with "payesh-agent status", and whether --source, --tag or --only-missing leave it out.',
    );
  }
  return readings;
}

function readBytes(file: string): Uint8Array {
  try {
    if (statSync(file).size > maxBytes) throw new Error('it is larger than 4 MB');
    return readFileSync(file);
  } catch (cause) {
    const { message } = cause as Error;
    throw new ConfigError(`cannot read the readings: ${message}`, { path: file, hint: 'Check the path.', cause });
  }
}

const maxBytes = 4 * 1024 ** 2;

/** Somebody who changes a tag more often while it is read has not finished. */
const maxAttempts = 5;

/** A counter has moved on since its reading was noted down. */
const notedCounterPercent = 0.1;

export interface ReadingOptions {
  readonly tolerancePercent: number;
  /** Writes the change into the configuration where exactly one other byte order agrees. */
  readonly correct: boolean;
}

export async function walkReadings(
  context: WalkContext,
  readings: readonly NotedReading[],
  options: ReadingOptions,
): Promise<void> {
  const open = new Set(unanswered(context).map(({ path }) => path));
  using progress = context.terminal.progress('');
  for (const [i, reading] of readings.entries()) {
    if (!open.has(reading.path)) continue;
    context.signal.throwIfAborted();
    progress.update(`${i + 1} of ${readings.length}: ${reading.path}`);
    await visitSteadily(context, reading, options);
  }
}

/** Anew where the configuration was changed meanwhile: then it is another tag that is compared. */
async function visitSteadily(context: WalkContext, reading: NotedReading, options: ReadingOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const tag = context.tags.find(({ path }) => path === reading.path);
    if (!tag) return context.terminal.warn(`${reading.path} is gone from the agent: its reading counts for nothing`);
    try {
      return await visit(context, tag, reading, options);
    } catch (error) {
      if (!(error instanceof TagChangedError) || attempt === maxAttempts) throw error;
      await context.again(reading.path);
    }
  }
}

async function visit(
  context: WalkContext,
  tag: WalkTag,
  { displayed, unit, note }: NotedReading,
  { tolerancePercent, correct: mayCorrect }: ReadingOptions,
): Promise<void> {
  const counterTolerancePercent = notedCounterPercent;
  const read: Read = { displayed, unit: unit || undefined, tolerancePercent, counterTolerancePercent };
  const { agent, walk, look, loaded } = context;
  const observed = await observe(tag, loaded.config.site, agent, look);
  const after = displayed ? await latestOf(tag, agent) : observed.latest;
  const comparison = compareRead(tag, observed, after, read);
  const answer = (verdict: 'accepted' | 'rejected' | 'skipped', why = '') => {
    const notes = [note, why].filter(Boolean).join('; ');
    walk.answer(rowOf(tag, observed, after, read, comparison, { verdict, note: notes }));
  };
  if (displayed === '') return answer('skipped');
  if (comparison.agrees === null) return answer('skipped', 'only a person can compare this');
  if (comparison.agrees) return answer('accepted');

  const suggestions = suggestionsFor(tag, observed, read);
  const orders = suggestions.filter(({ changes }) => changes.every(({ key }) => key === 'byteOrder'));
  let why = suggestions[0] ? suggestionText(suggestions[0]) : comparison.hint;
  if (mayCorrect && orders.length === 1) {
    const made = await correct(context, tag, orders[0]!);
    if ('tag' in made) {
      const again = await observe(made.tag, loaded.config.site, agent, look);
      const result = compareRead(made.tag, again, again.latest, read);
      const verdict = result.agrees ? 'corrected' : 'rejected';
      const correction = correctionOf(orders[0]!);
      return walk.answer(rowOf(made.tag, again, again.latest, read, result, { verdict, correction, note }));
    }
    why = made.byHand;
  }
  answer('rejected', why);
}

/** What would make the agent say what the display shows. */
export function suggestionsFor(tag: WalkTag, { inspection, latest }: Observed, read: Read): Suggestion[] {
  const { displayed, unit: displayedUnit } = read;
  const seen = { values: [latest?.value ?? null], displayed, displayedUnit, tolerancePercent: percentOf(tag, read) };
  if (inspection?.kind !== 'modbus' || !tag.registers) return suggestScale(tag, seen);
  return suggest(tag, tag.registers, inspection.words, seen);
}
