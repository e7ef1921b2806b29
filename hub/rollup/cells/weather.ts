/** Degree days of a site: what the outdoor temperature was below the one, or above the other, times how long. */
import type { Sums } from '../../kpi/sums.ts';
import type { Plant } from '../../plant/plant.ts';
import { lengthUs, overlapUs } from '../../plant/spans.ts';
import { dayUs } from '../../plant/zone.ts';
import type { SiteTags } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';
import { trackOf, truthOf } from '../samples/tag-reading.ts';
import { numberOf } from '../samples/track.ts';

/** Group `weather`; a temperature holds until the next one, while its source is known. */
export function weatherElements({ weather }: Plant, tags: SiteTags, cell: Slice): Sums {
  const { start, end } = cell;
  const sums = { HDD_Kd: 0, CDD_Kd: 0, weather_us: end - start, weather_known_us: 0 };
  const tag = weather && tags.get(weather.temperature);
  if (!tag) return sums;
  const reading = cell.read(tag);
  const track = trackOf(reading);
  const known = truthOf(reading, start, end, 'good');
  for (const [index, time] of track.times.entries()) {
    const celsius = numberOf(track.values[index]!);
    if (celsius === undefined) continue;
    const days = overlapUs(known, Math.max(start, time), Math.min(end, track.times[index + 1] ?? end)) / dayUs;
    sums.HDD_Kd += Math.max(0, weather.heatingBelow - celsius) * days;
    sums.CDD_Kd += Math.max(0, celsius - weather.coolingAbove) * days;
  }
  sums.weather_known_us = lengthUs(known);
  return sums;
}
