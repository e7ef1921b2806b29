/**
 * The points of a tag, over all epochs of its agents, or of several tags, as pages in the order of time. Windows are asked for one after
 * the other and sized by what came back, so that memory stays flat however long the whole is.
 */
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import type { SeriesKey, SeriesPoints, TelemetryReader } from './store.ts';

export interface SeriesRow {
  readonly time: TimeUs;
  readonly value: SampleValue;
  readonly quality: number;
  readonly flags: number;
  readonly stream: number;
  readonly tag: number;
  /** The sample's number in its stream: its identity, for whoever wants to trace it. */
  readonly number: number;
}

export interface SeriesWindow {
  readonly keys: readonly SeriesKey[];
  readonly from: TimeUs;
  readonly to: TimeUs;
}

const fewRows = 5_000;
const manyRows = 20_000;
const minSpanUs = 1_000_000;

/** The newest rows of the window, at most `limit`, oldest first; `truncated` when there are more. */
export async function newestRows(
  reader: TelemetryReader,
  window: SeriesWindow,
  limit: number,
  signal: AbortSignal,
): Promise<{ rows: SeriesRow[]; truncated: boolean }> {
  const rows = merge(window.keys, await reader.series({ ...window, limit: limit + 1 }, signal));
  const truncated = rows.length > limit;
  return { rows: truncated ? rows.slice(-limit) : rows, truncated };
}

/** Every row of the window. `intervalMs` is how far apart rows nominally are: how much to ask for first. */
export async function* pagesOfRows(
  reader: Pick<TelemetryReader, 'series'>,
  { keys, from, to }: SeriesWindow,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<SeriesRow[]> {
  let span = Math.max(minSpanUs, intervalMs * 1000 * fewRows);
  for (let at = from; at < to; ) {
    const end = Math.min(to, at + span);
    const rows = merge(keys, await reader.series({ keys, from: at, to: end }, signal));
    yield rows;
    at = end;
    if (rows.length < fewRows) span *= 4;
    else if (rows.length > manyRows) span = Math.max(minSpanUs, span / 4);
  }
}

function merge(keys: readonly SeriesKey[], found: readonly SeriesPoints[]): SeriesRow[] {
  const rows: SeriesRow[] = [];
  let filled = 0;
  for (const [index, points] of found.entries()) {
    if (points.times.length > 0) filled++;
    for (let i = 0; i < points.times.length; i++) {
      rows.push({
        time: points.times[i]!,
        value: points.values[i]!,
        quality: points.qualities[i]!,
        flags: points.flags[i]!,
        stream: keys[index]!.stream,
        tag: keys[index]!.tag,
        number: points.numbers[i]!,
      });
    }
  }
  // Each key comes sorted already; streams are numbered in the order of their opening.
  if (filled > 1) rows.sort((a, b) => a.time - b.time || a.stream - b.stream || a.number - b.number);
  return rows;
}
