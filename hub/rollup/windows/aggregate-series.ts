/**
 * One tag by buckets of time (kpi.md §5.3): first, last, least, greatest, mean weighted by time, and what a counter
 * counted. A value holds until the next one while its source is known; unknown time is left out and told as coverage.
 */
import type { SampleValue, TimeUs } from '../../../protocols/sample.ts';
import type { Span } from '../../plant/spans.ts';
import type { TelemetryReader } from '../../store/store.ts';
import { createCurve } from '../meters/register.ts';
import type { CounterStep } from '../samples/counter.ts';
import type { SiteTag } from '../samples/site-tags.ts';
import { readSlice, type Slice, sliceSpans } from '../samples/slice.ts';
import { type SeriesReading, stepsOf } from '../samples/tag-reading.ts';
import { trueSpans } from '../samples/vouched.ts';

export const aggregations = ['first', 'last', 'min', 'max', 'twa', 'delta'] as const;
export type Aggregation = (typeof aggregations)[number];

export interface AggregatedBucket extends Span {
  /** Scaled; null is not known. */
  readonly value: SampleValue;
  /** Samples in it. */
  readonly samples: number;
  /** Share of it in which the value was known. */
  readonly coverage: number;
}

export interface Aggregating {
  readonly tag: SiteTag;
  readonly aggregation: Aggregation;
  /** A register grows evenly between its readings; other counters step. */
  readonly isRegister: boolean;
  /** Largest drop of a counter that is noise, in raw counts. */
  readonly jitter: number;
  /** How far local time is ahead of UTC. */
  readonly offsetUs: number;
}

interface Tally {
  samples: number;
  knownUs: number;
  weighted: number;
  value: SampleValue;
}

/** @param buckets ascending, side by side. @throws {ConnectionError} the store is away. */
export async function aggregateSeries(
  reader: Pick<TelemetryReader, 'series'>,
  asked: Aggregating,
  buckets: readonly Span[],
  signal: AbortSignal,
): Promise<AggregatedBucket[]> {
  const tallies = buckets.map((): Tally => ({ samples: 0, knownUs: 0, weighted: 0, value: null }));
  const [first, last] = [buckets[0], buckets.at(-1)];
  if (!first || !last) return [];
  const { tag, aggregation, isRegister } = asked;
  const needs = {
    ...{ tags: [tag], registerBackUs: 0, states: [], stateBackUs: 0, stateAheadUs: 0, slots: [] },
    counters: aggregation === 'delta' ? [tag] : [],
    registers: aggregation === 'delta' && isRegister ? [tag] : [],
  };
  for (const span of sliceSpans([tag], first.start, last.end, asked.offsetUs)) {
    signal.throwIfAborted();
    tallySlice(await readSlice(reader, needs, span, signal), asked, buckets, tallies);
  }
  return buckets.map(({ start, end }, index) => {
    const { samples, knownUs, weighted, value } = tallies[index]!;
    const told = aggregation !== 'twa' ? value : knownUs > 0 ? weighted / knownUs : null;
    return { start, end, value: told, samples, coverage: knownUs / (end - start) };
  });
}

function tallySlice(slice: Slice, asked: Aggregating, buckets: readonly Span[], tallies: readonly Tally[]): void {
  const { tag, aggregation, jitter, isRegister } = asked;
  const reading = slice.read(tag);
  for (const one of reading) tallySeries(slice, one, asked, buckets, tallies);
  if (aggregation !== 'delta') return;
  addDeltas(stepsOf(reading, { jitter }, isRegister ? 'all' : 'changes'), isRegister, slice, buckets, tallies);
}

function tallySeries(
  slice: Slice,
  { series, track, vouched }: SeriesReading,
  { aggregation }: Aggregating,
  buckets: readonly Span[],
  tallies: readonly Tally[],
): void {
  const scale = series.counter?.scale ?? 1;
  const known = trueSpans(track, vouched, slice.start, slice.end, 'notBad');
  let at = 0;
  const seek = (time: TimeUs): void => {
    while (at < buckets.length && buckets[at]!.end <= time) at++;
  };
  for (const [index, time] of track.times.entries()) {
    if (time < slice.start || time >= slice.end) continue;
    seek(time);
    const tally = tallies[at];
    if (!tally) break;
    tally.samples++;
    const value = scaled(track.values[index]!, scale);
    if (value === null || (aggregation !== 'first' && aggregation !== 'last')) continue;
    if (aggregation === 'last' || tally.value === null) tally.value = value;
  }
  for (const { start, end, value } of pieces(track.times, track.values, known)) {
    const number = toNumber(value, scale);
    for (const { tally, us } of shares(buckets, tallies, start, end)) {
      tally.knownUs += us;
      if (number === undefined) continue;
      tally.weighted += number * us;
      if (aggregation === 'min') tally.value = Math.min(Number(tally.value ?? number), number);
      if (aggregation === 'max') tally.value = Math.max(Number(tally.value ?? number), number);
    }
  }
}

/** Stretches of known time in which the value was one. */
function* pieces(
  times: readonly TimeUs[],
  values: readonly SampleValue[],
  known: readonly Span[],
): Generator<Span & { readonly value: SampleValue }> {
  let at = -1;
  for (const { start, end } of known) {
    for (let from = start; from < end; ) {
      while (at + 1 < times.length && times[at + 1]! <= from) at++;
      const until = Math.min(end, times[at + 1] ?? end);
      yield { start: from, end: until, value: values[at] ?? null };
      from = until;
    }
  }
}

/** How much of [start, end) falls on each bucket. */
function* shares(buckets: readonly Span[], tallies: readonly Tally[], start: TimeUs, end: TimeUs) {
  for (let index = indexAt(buckets, start); index < buckets.length && buckets[index]!.start < end; index++) {
    const us = Math.min(end, buckets[index]!.end) - Math.max(start, buckets[index]!.start);
    if (us > 0) yield { tally: tallies[index]!, us };
  }
}

/** Of the first bucket that ends after a time. */
function indexAt(buckets: readonly Span[], time: TimeUs): number {
  let [low, high] = [0, buckets.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (buckets[middle]!.end <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What was counted in the slice, bucket by bucket; a step that nobody can believe counts nothing. */
function addDeltas(
  steps: readonly CounterStep[],
  isRegister: boolean,
  slice: Span,
  buckets: readonly Span[],
  tallies: readonly Tally[],
): void {
  const add = (index: number, amount: number): void => {
    const tally = tallies[index];
    if (tally) tally.value = Number(tally.value ?? 0) + amount;
  };
  const curve = createCurve(steps);
  let next = 0;
  for (let index = indexAt(buckets, slice.start); index < buckets.length; index++) {
    const start = Math.max(slice.start, buckets[index]!.start);
    const end = Math.min(slice.end, buckets[index]!.end);
    if (start >= end) break;
    if (isRegister) {
      while (next < steps.length && steps[next]!.to <= start) next++;
      if (next < steps.length && steps[next]!.from < end) add(index, curve.between(start, end));
    } else if (tallies[index]!.knownUs > 0) add(index, 0);
  }
  if (isRegister) return;
  for (const { to, delta } of steps) {
    // What was seen at an edge was made before it.
    if (delta && to > slice.start && to <= slice.end) add(indexAt(buckets, to - 1), delta);
  }
}

const toNumber = (value: SampleValue, scale: number): number | undefined =>
  value === null || typeof value === 'string' ? undefined : Number(value) * scale;

function scaled(value: SampleValue, scale: number): SampleValue {
  if (scale === 1 || value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  return Number(value) * scale;
}
