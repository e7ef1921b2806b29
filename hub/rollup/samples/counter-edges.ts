/**
 * A counter is told by its last reading before a window and, where it grows evenly, by its first reading after it.
 * Where the neighbouring sample is Bad, the reading beyond it is searched further and further away, in a few steps:
 * without it, what was counted across the edge would be in neither window.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Span } from '../../plant/spans.ts';
import { dayUs, hourUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { SiteSeries } from './site-tags.ts';
import { numberOf, readTracks, type Track, type Tracks } from './track.ts';

const searchedUs = [hourUs, dayUs, 31 * dayUs];

/** Puts the missing readings into the tracks. */
export async function completeEdges(
  reader: Pick<TelemetryReader, 'series'>,
  tracks: Tracks,
  { counters, registers }: { readonly counters: readonly SiteSeries[]; readonly registers: readonly SiteSeries[] },
  { start, end }: Span,
  signal: AbortSignal,
): Promise<void> {
  const seek = async (
    series: readonly SiteSeries[],
    lacks: (track: Track) => boolean,
    from: (width: number) => Span,
    edge: Edge,
  ) => {
    let seeking = series.filter(({ keys }) => lacks(tracks.get(keys)!));
    for (const width of searchedUs) {
      if (seeking.length === 0) return;
      const { start, end } = from(width);
      const found = await readTracks(
        reader,
        seeking.map(({ keys }) => keys),
        { from: start, to: end },
        signal,
      );
      for (const { keys } of seeking) tracks.set(keys, extend(tracks.get(keys)!, found.get(keys)!, edge));
      seeking = seeking.filter(({ keys }) => lacks(tracks.get(keys)!));
    }
  };
  await seek(
    counters,
    (track) => lacksBefore(track, start),
    (width) => ({ start: start - width, end: start }),
    'before',
  );
  await seek(
    registers,
    (track) => lacksAfter(track, end),
    (width) => ({ start: end, end: end + width }),
    'after',
  );
}

type Edge = 'before' | 'after';

const isNumber = (track: Track, index: number): boolean => numberOf(track.values[index]!) !== undefined;

/** There is a sample before the edge, and no number among those up to it. */
function lacksBefore(track: Track, edge: TimeUs): boolean {
  if (track.times.length === 0 || track.times[0]! > edge) return false;
  for (let i = 0; i < track.times.length && track.times[i]! <= edge; i++) if (isNumber(track, i)) return false;
  return true;
}

function lacksAfter(track: Track, edge: TimeUs): boolean {
  const last = track.times.length - 1;
  if (last < 0 || track.times[last]! < edge) return false;
  for (let i = last; i >= 0 && track.times[i]! >= edge; i--) if (isNumber(track, i)) return false;
  return true;
}

/** The track with the nearest number of another one before or after it. */
function extend(track: Track, found: Track, edge: Edge): Track {
  const indexes = found.times.map((_, index) => index).filter((index) => isNumber(found, index));
  const beyond = indexes.filter((index) =>
    edge === 'before' ? found.times[index]! < track.times[0]! : found.times[index]! > track.times.at(-1)!,
  );
  const nearest = edge === 'before' ? beyond.at(-1) : beyond[0];
  if (nearest === undefined) return track;
  const put = <T>(column: readonly T[], value: T): T[] => (edge === 'before' ? [value, ...column] : [...column, value]);
  return {
    times: put(track.times, found.times[nearest]!),
    values: put(track.values, found.values[nearest]!),
    qualities: put(track.qualities, found.qualities[nearest]!),
    ...((track.imported ?? found.imported) && {
      imported: put(track.imported ?? track.times.map(() => false), found.imported?.[nearest] ?? false),
    }),
  };
}
