/**
 * Samples that came twice, under numbers of two streams of one agent. Each of both is stored exactly once under its
 * number, so no invariant breaks, and nothing is deleted for it; but they are named. They come where an agent is put
 * back from a backup and reads its sources' history again, or parts from the hub at a frame that nobody can name any
 * more: in doubt a sample comes twice, never not at all.
 *
 * - A sample is a tag by its full path, a time, a value and a quality: ids may be given anew with a buffer, and flags
 *   say how it was read.
 * - Within a stream the same may be meant: a source may tell it twice in a µs (R12). What is sent again after a rewind
 *   or by a replay has its old number, and so its old place. No second stream has such a reason.
 * - Imports are agents of their own; one that was undone counts for nothing.
 * - The ledger's frames say of which time each stream tells. Only where two of an agent overlap, samples are read: for
 *   one that was only started anew that is nothing at all. In memory are those spans, and a page of samples.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import type { KnownTag, LedgerReader, Stream } from '../ledger/ledger.ts';
import { intersect, type Span, type Spans, union } from '../plant/spans.ts';
import { pagesOfRows, type SeriesRow } from '../store/series-pages.ts';
import type { TelemetryReader } from '../store/store.ts';
import { coveredTime } from './covered-time.ts';

export interface Double {
  readonly agent: string;
  /** Its full path. */
  readonly tag: string;
  readonly time: TimeUs;
  /** Where it is stored. */
  readonly places: readonly { readonly stream: number; readonly number: number }[];
}

export interface Doubles {
  /** How many samples are in the store beside their equal of another stream. */
  readonly count: number;
  /** The first of them. */
  readonly listed: readonly Double[];
}

export interface DoublesSources {
  /** Of all hubs in front of the store. */
  readonly ledger: Pick<LedgerReader, 'streams' | 'batches' | 'tags'>;
  readonly reader: Pick<TelemetryReader, 'series'>;
}

const mostListed = 1000;
const tagsAtOnce = 50;

export async function findDoubles({ ledger, reader }: DoublesSources, signal: AbortSignal): Promise<Doubles> {
  const listed: Double[] = [];
  let count = 0;
  const tellingStreams = ledger
    .streams()
    .filter(({ withdrawnAt, through, expired }) => !withdrawnAt && through > expired);
  for (const [agent, streams] of Map.groupBy(tellingStreams, (stream) => stream.agent)) {
    if (streams.length === 1) continue;
    const spans = await toldTwice(ledger, streams);
    if (spans.length === 0) continue;
    const shared = ledger.tags().filter((tag) => tag.agent === agent && isOfSeveral(tag));
    for (const span of spans) {
      for (let first = 0; first < shared.length; first += tagsAtOnce) {
        for await (const { rows, tag } of equals(reader, shared.slice(first, first + tagsAtOnce), span, signal)) {
          count += rows.length - mostOfOneStream(rows);
          if (listed.length < mostListed) listed.push({ agent, tag, time: rows[0]!.time, places: rows.map(placeOf) });
        }
      }
    }
  }
  return { count, listed };
}

/** The time of which more than one of the streams tells. */
async function toldTwice(ledger: Pick<LedgerReader, 'batches'>, streams: readonly Stream[]): Promise<Spans> {
  let told: Spans = [];
  let twice: Spans = [];
  for (const stream of streams) {
    const own = await coveredTime(ledger, stream);
    twice = union(twice, intersect(told, own));
    told = union(told, own);
  }
  return twice;
}

const isOfSeveral = ({ keys }: KnownTag): boolean => keys.some(({ stream }) => stream !== keys[0]!.stream);

/** Rows of more than one stream that are the same sample. */
async function* equals(
  reader: Pick<TelemetryReader, 'series'>,
  tags: readonly KnownTag[],
  { start, end }: Span,
  signal: AbortSignal,
): AsyncGenerator<{ readonly tag: string; readonly rows: readonly SeriesRow[] }> {
  const keys = tags.flatMap((tag) => tag.keys.map(({ stream, tag }) => ({ stream, tag })));
  const pathOf = new Map(tags.flatMap((known) => known.keys.map((key) => [`${key.stream} ${key.tag}`, known.path])));
  const intervalMs = Math.min(...tags.map(({ current }) => current.intervalMs)) / keys.length;
  for await (const page of pagesOfRows(reader, { keys, from: start, to: end }, intervalMs, signal)) {
    for (const atOnce of runsOfTime(page)) {
      const alike = Map.groupBy(atOnce, ({ stream, tag, value, quality }) =>
        [pathOf.get(`${stream} ${tag}`), typeof value, value, quality].join(' '),
      );
      for (const rows of alike.values()) {
        const { stream, tag } = rows[0]!;
        if (rows.some((row) => row.stream !== stream)) yield { tag: pathOf.get(`${stream} ${tag}`)!, rows };
      }
    }
  }
}

/** Rows of one time, where there are several. A window ends between two times, and so does a page. */
function* runsOfTime(rows: readonly SeriesRow[]): Generator<readonly SeriesRow[]> {
  for (let from = 0, to = 0; from < rows.length; from = to) {
    while (to < rows.length && rows[to]!.time === rows[from]!.time) to++;
    if (to - from > 1) yield rows.slice(from, to);
  }
}

const mostOfOneStream = (rows: readonly SeriesRow[]): number =>
  Math.max(
    ...Map.groupBy(rows, ({ stream }) => stream)
      .values()
      .map((own) => own.length),
  );

const placeOf = ({ stream, number }: SeriesRow) => ({ stream, number });
