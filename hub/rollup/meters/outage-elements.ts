/** Supply interruptions of a meter, told by a device that stays powered: its tag is false, or below the limit. */
import type { Sums } from '../../kpi/sums.ts';
import type { Meter } from '../../plant/meter.ts';
import { intersect, lengthUs, type Span, union } from '../../plant/spans.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { trackOf, truthOf } from '../samples/tag-reading.ts';
import { numberOf } from '../samples/track.ts';

/** Part of group `electricity`; empty where nothing tells. An interruption is of the cell in which it begins. */
export function outageElements({ supply }: Meter, tags: SiteTags, cell: Slice): Sums {
  if (!supply) return {};
  const { start, end } = cell;
  const tag = tags.get(supply.tag);
  const reading = tag ? cell.read(tag) : [];
  const track = trackOf(reading);
  const known = truthOf(reading, Math.min(start, track.times[0] ?? start), end, 'notBad');
  const away: Span[] = [];
  for (const [index, time] of track.times.entries()) {
    const value = track.values[index]!;
    const number = numberOf(value);
    const isAway = value === false || (number !== undefined && number < supply.below);
    if (isAway) away.push({ start: time, end: Math.min(end, track.times[index + 1] ?? end) });
  }
  const interruptions = union(away);
  const told = intersect(known, [{ start, end }]);
  return {
    outages: interruptions.filter((one) => start <= one.start && one.start < end).length,
    outage_us: lengthUs(intersect(interruptions, told)),
    outage_known_us: lengthUs(told),
  };
}
