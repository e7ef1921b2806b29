/**
 * Everything that is read of a site for one slice of a window, in few queries: its health, and the samples that the
 * asked KPIs need. A long window is read slice by slice, so that memory depends on the slice and not on the window.
 */
import type { SampleValue, TimeUs } from '../../../protocols/sample.ts';
import type { Span } from '../../plant/spans.ts';
import { hourUs, minuteUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import { completeEdges } from './counter-edges.ts';
import { withoutOvertaken } from './overtaken.ts';
import type { SiteSeries, SiteSource, SiteTag } from './site-tags.ts';
import { type SourceHealth, type SourceReports, sourceHealth, sourceReports } from './source-health.ts';
import type { TagReading } from './tag-reading.ts';
import { cutTrack, readTracks, type Track, type Tracks } from './track.ts';
import { type Vouched, vouchedFor } from './vouched.ts';

export interface SliceNeeds {
  /** Tags whose samples are read. */
  readonly tags: readonly SiteTag[];
  /** Those among them that count: what was read last before the slice must be a number. */
  readonly counters: readonly SiteTag[];
  /** Those among the counters that grow evenly: the same goes for what was read first after the slice. */
  readonly registers: readonly SiteTag[];
  /** How far before the slice registers are read: a demand interval that ends in it may have begun there. */
  readonly registerBackUs: number;
  /** Those whose past and future decide what a state means: since when it holds, and how long yet. */
  readonly states: readonly StateNeed[];
  readonly stateBackUs: number;
  readonly stateAheadUs: number;
  /** Sources whose health is asked for, whatever of their tags. */
  readonly sources?: readonly SiteSource[];
  /** Whether it is asked when their frames came. */
  readonly arrivals?: boolean;
  /** Sources whose slots are asked for. */
  readonly slots: readonly SiteSource[];
}

/** A unit's state and mode. */
export interface StateNeed {
  readonly tags: readonly SiteTag[];
  readonly state: SiteTag | undefined;
  /** Whether a raw state can be part of what is looked for in the past: only then is all of it read. */
  reachesBack(state: SampleValue): boolean;
}

export interface Slice extends Span {
  /** Its samples in the slice and the one that holds when it begins; of numbers, the last before and the first after it. */
  read(tag: SiteTag, backUs?: number, aheadUs?: number): TagReading;
  health(source: SiteSource): SourceHealth & SourceReports;
  /** Frames of its agent that were accepted in the slice and somewhat around it. */
  arrivals(source: SiteSource): readonly Arrival[];
  slots(source: SiteSource): { readonly good: Track; readonly bad: Track; readonly skipped: Track };
}

/** How long after its reach a watermark may be written: it tells of a moment before its own. */
const watermarkDelayUs = 10 * minuteUs;

/** About so many points are read at a time. */
const pointsPerSlice = 250_000;
const sliceHours = [24, 12, 8, 6, 4, 3, 2, 1, 0.5, 0.25] as const;

/** Cuts a window on the grid of local hours, halves and quarters, so that no cell is cut. */
export function sliceSpans(tags: readonly SiteTag[], start: TimeUs, end: TimeUs, offsetUs: number): Span[] {
  const pointsPerHour = tags.reduce((sum, { intervalMs }) => sum + 3_600_000 / intervalMs, 0);
  const length = (sliceHours.find((hours) => hours * pointsPerHour <= pointsPerSlice) ?? 0.25) * hourUs;
  const slices: Span[] = [];
  for (let from = start; from < end; ) {
    const to = Math.min(end, (Math.floor((from + offsetUs) / length) + 1) * length - offsetUs);
    slices.push({ start: from, end: to });
    from = to;
  }
  return slices;
}

/** What slices are read from. Without `arrivals` nobody knows when frames came. */
export type SliceReader = Pick<TelemetryReader, 'series'> & { readonly arrivals?: Arrivals };

/** @throws {ConnectionError} the store is away. */
export async function readSlice(
  reader: SliceReader,
  needs: SliceNeeds,
  { start, end }: Span,
  signal: AbortSignal,
): Promise<Slice> {
  const tracks: Tracks = new Map();
  const read = async (tags: readonly SiteTag[], span: Span, registers: readonly SiteTag[] = []) => {
    if (tags.length === 0) return;
    const keys = seriesOf(tags).map((series) => series.keys);
    const found = await readTracks(reader, keys, { from: span.start, to: span.end }, signal);
    const among = new Set(tags);
    const counters = needs.counters.filter((tag) => among.has(tag));
    const edges = { counters: seriesOf(counters), registers: seriesOf(registers) };
    await completeEdges(reader, found, edges, span, signal);
    for (const [key, track] of found) tracks.set(key, track);
  };
  const stateTags = tagsOf(needs.states);
  const apart = new Set([...needs.registers, ...stateTags]);
  await read(
    needs.tags.filter((tag) => !apart.has(tag)),
    { start, end },
  );
  await read(needs.registers, { start: start - needs.registerBackUs, end }, needs.registers);
  let backUs = Math.min(needs.stateBackUs, shortBackUs);
  let reaching = needs.states;
  for (const width of stateBacksUs) {
    if (reaching.length === 0) break;
    backUs = Math.min(needs.stateBackUs, width);
    await read(tagsOf(reaching), { start: start - backUs, end: end + needs.stateAheadUs });
    reaching = reaching.filter((one) => reachesBack(one, tracks, start - backUs + shortBackUs));
  }

  // Whether a register's step across an edge is measured depends on the health beyond that edge too.
  const readings = seriesOf(needs.registers).flatMap(({ keys }) => firstAndLast(tracks.get(keys)!));
  const sources = [...new Set([...needs.tags.flatMap((tag) => tag.sources), ...(needs.sources ?? []), ...needs.slots])];
  const healthTracks = await readTracks(
    reader,
    sources.flatMap(({ session, through, slots }) => [
      session,
      through,
      ...(needs.slots.length > 0 ? Object.values(slots) : []),
    ]),
    {
      from: Math.min(start - backUs, ...readings),
      to: Math.max(end + needs.stateAheadUs, ...readings) + watermarkDelayUs,
    },
    signal,
  );

  const health = new Map(
    sources.map((source) => {
      const told = [healthTracks.get(source.session)!, healthTracks.get(source.through)!] as const;
      return [source, { ...sourceHealth(...told), ...sourceReports(...told) }];
    }),
  );
  const around = { start: start - watermarkDelayUs, end: end + watermarkDelayUs };
  const agents = needs.arrivals ? [...new Set(sources.map(({ agent }) => agent))] : [];
  const arrivals = new Map(agents.map((agent) => [agent, reader.arrivals?.(agent, around) ?? []]));
  const vouched = new Map<SiteSeries, readonly Vouched[]>();
  const vouchedOf = (series: SiteSeries): readonly Vouched[] => {
    const found = vouched.get(series) ?? vouchedFor(series, (source) => health.get(source)!.known);
    vouched.set(series, found);
    return found;
  };
  const told = new Map<SiteSeries, Track>();
  const trackOf = (series: SiteSeries): Track => {
    const knownOf = (source: SiteSource) => health.get(source)!.known;
    const found = told.get(series) ?? withoutOvertaken(tracks.get(series.keys)!, series, knownOf);
    told.set(series, found);
    return found;
  };
  return {
    start,
    end,
    arrivals: ({ agent }) => arrivals.get(agent) ?? [],
    read: (tag) => tag.series.map((series) => ({ series, track: trackOf(series), vouched: vouchedOf(series) })),
    health: (source) => health.get(source)!,
    slots: ({ slots }) => ({
      good: healthTracks.get(slots.good)!,
      bad: healthTracks.get(slots.bad)!,
      skipped: healthTracks.get(slots.skipped)!,
    }),
  };
}

/** The part of a slice that a cell sees, by the same rule whatever the slice is: so that its elements are the same. */
export function cellOf(slice: Slice, { start, end }: Span): Slice {
  const arrivals = new Map<string, readonly Arrival[]>();
  const cut = (tag: SiteTag, backUs: number, aheadUs: number): TagReading =>
    slice.read(tag).map((one) => ({ ...one, track: cutTrack(one.track, start - backUs, end + aheadUs) }));
  // Units, counters, completeness and timeliness ask for the same.
  const readings = new Map<SiteTag, TagReading>();
  return {
    ...slice,
    start,
    end,
    read(tag, backUs = 0, aheadUs = 0) {
      if (backUs > 0 || aheadUs > 0) return cut(tag, backUs, aheadUs);
      const reading = readings.get(tag) ?? cut(tag, 0, 0);
      readings.set(tag, reading);
      return reading;
    },
    arrivals(source) {
      const known =
        arrivals.get(source.agent) ??
        slice
          .arrivals(source)
          .filter(({ acceptedAt }) => start - watermarkDelayUs <= acceptedAt && acceptedAt < end + watermarkDelayUs);
      arrivals.set(source.agent, known);
      return known;
    },
  };
}

/** A pause of a source within what reaches back is shorter. */
const shortBackUs = 2 * minuteUs;
/** How far before a slice states are read: mostly there is soon nothing more that reaches back. */
const stateBacksUs = [shortBackUs, 16 * shortBackUs, Number.POSITIVE_INFINITY];

const tagsOf = (states: readonly StateNeed[]): SiteTag[] => [...new Set(states.flatMap(({ tags }) => tags))];

/** Whether any state up to a time, of those that were read, is part of what is looked for. */
function reachesBack({ state, reachesBack }: StateNeed, tracks: Tracks, until: TimeUs): boolean {
  return (state?.series ?? []).some(({ keys }) => {
    const { times, values } = tracks.get(keys)!;
    for (let index = 0; index < times.length && times[index]! <= until; index++) {
      if (reachesBack(values[index]!)) return true;
    }
    return false;
  });
}

const seriesOf = (tags: readonly SiteTag[]): SiteSeries[] => tags.flatMap(({ series }) => series);

const firstAndLast = ({ times }: Track): TimeUs[] => (times.length > 0 ? [times[0]!, times.at(-1)!] : []);
