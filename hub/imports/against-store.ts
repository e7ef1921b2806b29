/**
 * Rows against what is stored: new, known already, or contradicting it. Where a gateway measured, or an earlier import
 * tells, its word stands: a row never replaces a sample, and never comes between two that were known to be the truth.
 */
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import type { Spans } from '../plant/spans.ts';
import type { SiteSource, SiteTag } from '../rollup/samples/site-tags.ts';
import { sourceHealth } from '../rollup/samples/source-health.ts';
import { trackOf, truthOf } from '../rollup/samples/tag-reading.ts';
import { readTracks, type Track } from '../rollup/samples/track.ts';
import { vouchedFor } from '../rollup/samples/vouched.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { Words } from '../words.ts';
import type { SampleRow } from './sample-row.ts';

export interface StoredSample {
  readonly time: TimeUs;
  readonly value: SampleValue;
  readonly quality: number;
}

/** With the stored sample of the row's time, or, where there is none, the last one before. */
export type Verdict =
  | 'new'
  | { readonly kind: 'known'; readonly stored: StoredSample }
  | { readonly kind: 'contradicts' | 'measured'; readonly stored: StoredSample; readonly reason: Words };

/** What is stored of a tag, and how far it has been gone through. */
interface Stored {
  readonly track: Track;
  /** When it is known to be the truth. */
  readonly told: Spans;
  at: number;
  span: number;
}

/** How long after its reach a watermark may be written. */
const watermarkDelayUs = 600_000_000;

/**
 * One verdict a row, in their order, which is ascending by time.
 * @param tagOf what is stored of a row's tag; undefined is nothing.
 * @throws {ConnectionError} the store is away.
 */
export async function againstStore(
  rows: readonly SampleRow[],
  tagOf: (tag: number) => SiteTag | undefined,
  reader: Pick<TelemetryReader, 'series'>,
  signal: AbortSignal,
): Promise<Verdict[]> {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return [];
  // From just before the first row, or what was the truth already would seem to begin with it.
  const span = { start: first.time - 1, end: last.time + 1 };
  const tags = [...new Set(rows.map(({ tag }) => tag))].flatMap((index) => {
    const tag = tagOf(index);
    return tag ? [{ index, tag }] : [];
  });
  const range = { from: span.start, to: span.end };
  const tracks = await readTracks(
    reader,
    tags.flatMap(({ tag }) => tag.series.map(({ keys }) => keys)),
    range,
    signal,
  );
  const sources = [...new Set(tags.flatMap(({ tag }) => tag.sources))];
  const health = await readTracks(
    reader,
    sources.flatMap(({ session, through }) => [session, through]),
    { from: span.start, to: span.end + watermarkDelayUs },
    signal,
  );
  const knownOf = ({ session, through }: SiteSource): Spans =>
    sourceHealth(health.get(session)!, health.get(through)!).known;
  const stored = new Map(
    tags.map(({ index, tag }) => {
      const reading = tag.series.map((series) => ({
        ...{ series, track: tracks.get(series.keys)! },
        vouched: vouchedFor(series, knownOf),
      }));
      const told = truthOf(reading, span.start, span.end, 'notBad');
      return [index, { track: trackOf(reading), told, at: 0, span: 0 }] as [number, Stored];
    }),
  );

  return rows.map((row): Verdict => {
    const found = stored.get(row.tag);
    if (!found) return 'new';
    const { track, told } = found;
    while (found.at < track.times.length && track.times[found.at]! < row.time) found.at++;
    const same = atThatTime(track, found.at, row.time);
    const alike = same.find((at) => track.values[at] === row.value && track.qualities[at] === row.quality);
    if (alike !== undefined) return { kind: 'known', stored: sampleAt(track, alike) };
    if (same.length > 0) {
      const stored = sampleAt(track, same[0]!);
      return { kind: 'contradicts', stored, reason: contradicts(stored) };
    }
    while (found.span < told.length && told[found.span]!.end <= row.time) found.span++;
    if ((told[found.span]?.start ?? Number.POSITIVE_INFINITY) >= row.time) return 'new';
    return { kind: 'measured', stored: sampleAt(track, found.at - 1), reason: measured };
  });
}

const measured: Words = {
  en: 'lies in time that was measured: only what is not known can be filled in',
  fa: 'در زمانی است که اندازه‌گیری شده: فقط آنچه نامعلوم است پر می‌شود',
};

function contradicts({ value }: StoredSample): Words {
  const told = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}` : one));
  return {
    en: `contradicts the stored sample of that time, which is ${told}: what was measured stays`,
    fa: `با نمونهٔ ذخیره‌شدهٔ آن زمان (${told}) در تناقض است: آنچه اندازه‌گیری شده می‌ماند`,
  };
}

const sampleAt = ({ times, values, qualities }: Track, at: number): StoredSample => ({
  ...{ time: times[at]!, value: values[at]!, quality: qualities[at]! },
});

function atThatTime({ times }: Track, from: number, time: TimeUs): number[] {
  const found: number[] = [];
  for (let at = from; at < times.length && times[at] === time; at++) found.push(at);
  return found;
}
