/**
 * When data came. A cell of a source is complete when its session covers it, and on time when that could be known five
 * minutes after its end: the first watermark beyond it had been committed. Latencies are of live samples only.
 */
import { latencyBucket, latencyElement } from '../../kpi/latency.ts';
import { addTo, type Sums } from '../../kpi/sums.ts';
import { clip, intersect, lengthUs, type Span } from '../../plant/spans.ts';
import { minuteUs } from '../../plant/zone.ts';
import type { Arrival } from '../samples/arrivals.ts';
import type { SiteSource, SiteTag } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import type { SourceReports } from '../samples/source-health.ts';
import { trackOf, vouchedOf } from '../samples/tag-reading.ts';
import type { Track } from '../samples/track.ts';

const onTimeUs = 5 * minuteUs;
/** As a demand interval is measured (kpi.md §5.3). */
const completeShare = 0.95;

/** Group `timeliness` of the tags of one cell. */
export function createTimeliness(cell: Slice): (tag: SiteTag | undefined) => Sums {
  const { start, end } = cell;
  const punctual = new Map<SiteSource, boolean>();
  const isPunctual = (source: SiteSource): boolean => {
    const known = punctual.get(source) ?? toldAt(cell.health(source), cell.arrivals(source), end) <= end + onTimeUs;
    punctual.set(source, known);
    return known;
  };
  return (tag) => {
    const due = tag ? clip(tag.lives, start, end) : [cell];
    const sums: Sums = { due_us: lengthUs(due), ontime_us: 0, recovered_us: 0 };
    if (!tag || due.length === 0) return sums;
    const reading = cell.read(tag);
    const isComplete = lengthUs(intersect(vouchedOf(reading), due)) >= completeShare * sums.due_us!;
    if (isComplete) sums[tag.sources.some(isPunctual) ? 'ontime_us' : 'recovered_us'] = sums.due_us!;
    for (const source of tag.sources) countLatencies(sums, trackOf(reading), cell.arrivals(source), cell);
    return sums;
  };
}

/** When the hub had committed everything of a source up to a time. */
function toldAt({ reachedAt }: SourceReports, arrivals: readonly Arrival[], time: number): number {
  const reached = reachedAt(time);
  const arrival = reached === undefined ? undefined : arrivals.find(({ maxTime }) => maxTime >= reached);
  return arrival?.settledAt ?? Number.POSITIVE_INFINITY;
}

/** A sample came with the first frame that reaches its time: right to the length of a frame, where frames overlap. */
function countLatencies(sums: Sums, { times }: Track, arrivals: readonly Arrival[], { start, end }: Span): void {
  const counts: number[] = [];
  let at = 0;
  for (let index = 0; index < times.length; index++) {
    const time = times[index]!;
    if (time < start) continue;
    if (time >= end) break;
    while (at < arrivals.length && arrivals[at]!.maxTime < time) at++;
    const arrival = arrivals[at];
    if (!arrival) break;
    const latencyUs = arrival.settledAt - time;
    if (latencyUs > onTimeUs) continue;
    const bucket = latencyBucket(latencyUs / 1000);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  for (const bucket in counts) addTo(sums, latencyElement(Number(bucket)), counts[bucket]!);
}
