/**
 * How complete the data of a tag are: the time in which its latest sample was Good and its source known, of all the
 * time asked for. It is computed from the sessions of the source, not from silence: a value that did not change for
 * a day is complete.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Sums } from '../../kpi/sums.ts';
import { clip, intersect, lengthUs, type Spans } from '../../plant/spans.ts';
import { counterSteps } from '../samples/counter.ts';
import { type TagReading, truthOf, vouchedOf } from '../samples/tag-reading.ts';
import type { Track } from '../samples/track.ts';

/**
 * `known_us` is complete, `bad_us` is a source that was there and could not tell; the rest is unknown.
 * @param lives when the tag was measured at all, or should have been
 */
export function completenessElements(reading: TagReading, lives: Spans, start: TimeUs, end: TimeUs): Sums {
  const expected = clip(lives, start, end);
  const known = lengthUs(intersect(truthOf(reading, start, end, 'good'), expected));
  const there = lengthUs(intersect(vouchedOf(reading), expected));
  return { expected_us: lengthUs(expected), known_us: known, bad_us: there - known };
}

/**
 * How far one of a source's slot counters rose in (start, end]. They begin again at 0 with every start of the agent,
 * so every drop is a reset.
 */
export function slotCount(track: Track, start: TimeUs, end: TimeUs): number {
  let sum = 0;
  for (const { to, delta } of counterSteps(track, { jitter: 0, maxRatePerS: Number.MAX_SAFE_INTEGER }, 'changes')) {
    if (to > start && to <= end) sum += delta ?? 0;
  }
  return sum;
}
