/** Sets of time as sorted, disjoint, half-open spans: the algebra that calendars, known time and states share. */
import type { TimeUs } from '../../protocols/sample.ts';

export interface Span {
  readonly start: TimeUs;
  readonly end: TimeUs;
}
/** Ascending, disjoint, none empty. */
export type Spans = readonly Span[];

/** Any spans in any order, made a set. */
export const union = (...sets: readonly Spans[]): Spans => joined(sets.flat(), 0);

/** The same, where spans that are so far apart at most are one. */
export function joined(spans: readonly Span[], apartUs: number): { start: TimeUs; end: TimeUs }[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  const few: { start: TimeUs; end: TimeUs }[] = [];
  for (const { start, end } of sorted) {
    if (end <= start) continue;
    const last = few.at(-1);
    if (last && start <= last.end + apartUs) last.end = Math.max(last.end, end);
    else few.push({ start, end });
  }
  return few;
}

export function intersect(a: Spans, b: Spans): Spans {
  const both: Span[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const start = Math.max(a[i]!.start, b[j]!.start);
    const end = Math.min(a[i]!.end, b[j]!.end);
    if (start < end) both.push({ start, end });
    if (a[i]!.end < b[j]!.end) i++;
    else j++;
  }
  return both;
}

/** What of `a` is not in `b`. */
export function subtract(a: Spans, b: Spans): Spans {
  const rest: Span[] = [];
  let j = 0;
  for (const span of a) {
    let start = span.start;
    while (j < b.length && b[j]!.end <= start) j++;
    for (let k = j; k < b.length && b[k]!.start < span.end; k++) {
      if (b[k]!.start > start) rest.push({ start, end: b[k]!.start });
      start = Math.max(start, b[k]!.end);
    }
    if (start < span.end) rest.push({ start, end: span.end });
  }
  return rest;
}

export const clip = (spans: Spans, start: TimeUs, end: TimeUs): Spans => intersect(spans, [{ start, end }]);

export function lengthUs(spans: Spans): number {
  let sum = 0;
  for (const { start, end } of spans) sum += end - start;
  return sum;
}

/** How much of [start, end) the spans cover. */
export const overlapUs = (spans: Spans, start: TimeUs, end: TimeUs): number =>
  start < end ? lengthUs(clip(spans, start, end)) : 0;
