/** A row of the sheet from what was observed and what the technician read. Pure. */
import type { SheetRow, Verdict } from '../../protocols/commissioning.ts';
import type { Inspection } from '../../protocols/inspect.ts';
import type { TagReport } from '../status/report.ts';
import { type Comparison, compare } from './compare.ts';
import { readDisplay } from './display.ts';
import type { Observed } from './observe.ts';
import type { WalkTag } from './tags.ts';

export interface Read {
  readonly displayed: string;
  readonly unit?: string | undefined;
  readonly tolerancePercent: number;
  /** Of counters, which show what they have and only move on: 0 where the display was read just now. */
  readonly counterTolerancePercent: number;
}

export interface Answer {
  readonly verdict: Verdict;
  readonly correction?: SheetRow['correction'];
  readonly note?: string | undefined;
}

/** Against the agent's values from before and after the technician looked. */
export const compareRead = (tag: WalkTag, { latest }: Observed, after: TagReport['latest'], read: Read): Comparison =>
  compare(tag, {
    values: [latest?.value ?? null, after?.value ?? null].filter((value, i) => value !== null || i === 1),
    displayed: read.displayed,
    displayedUnit: read.unit,
    tolerancePercent: percentOf(tag, read),
  });

export const percentOf = (tag: WalkTag, { tolerancePercent, counterTolerancePercent }: Read): number =>
  tag.counts ? Math.min(tolerancePercent, counterTolerancePercent) : tolerancePercent;

export function rowOf(
  tag: WalkTag,
  observed: Observed,
  after: TagReport['latest'],
  read: Pick<Read, 'displayed' | 'unit'>,
  comparison: Comparison,
  { verdict, correction, note = '' }: Answer,
): SheetRow {
  const { path, source, address, type, unit } = tag;
  const { inspection, rawReason, hubValue = null, hubReason } = observed;
  const { agrees, tolerance } = comparison;
  const shownUnit = read.unit || readDisplay(read.displayed).unit;
  return {
    path,
    source,
    address,
    type,
    unit,
    ...(tag.counter && { scale: tag.scale }),
    raw: inspection ? rawText(inspection).slice(0, 500) : null,
    ...(rawReason && { rawReason }),
    agentValue: measured(after ?? observed.latest),
    hubValue,
    ...(hubReason && { hubReason }),
    displayed: read.displayed.trim().slice(0, 200),
    ...(read.unit && shownUnit && { displayedUnit: shownUnit.slice(0, 20) }),
    agrees,
    ...(tolerance !== undefined && { tolerance }),
    verdict,
    ...(correction && { correction }),
    note: note.slice(0, 500),
  };
}

const measured = (latest: TagReport['latest']): SheetRow['agentValue'] =>
  latest ? { value: latest.value, time: latest.time, quality: latest.quality } : null;

/** Registers in hexadecimal as manuals print them, and each as a number. */
export function rawText(inspection: Inspection): string {
  if (inspection.kind === 'opcua') return `${inspection.text} (${inspection.dataType})`;
  const { words, exception } = inspection;
  if (exception !== undefined) return `exception ${exception}`;
  const hex = words.map((word) => word.toString(16).toUpperCase().padStart(4, '0'));
  return words.every((word) => word < 2) && words.length === 1
    ? `${words[0]}`
    : `${hex.join(' ')} (${words.join(' ')})`;
}
