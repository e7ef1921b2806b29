/**
 * An import fills what is not known. Where a gateway's samples come after all, out of a buffer or a replaced disk, theirs
 * is the word: what an import says between two samples that a gateway knows to be the truth counts no more. It is the rule
 * by which such a row is refused when it comes later, so that figures do not depend on who came first.
 */

import type { Spans } from '../../plant/spans.ts';
import type { SiteSeries, SiteSource } from './site-tags.ts';
import { pick, type Track } from './track.ts';
import { trueSpans, vouchedFor } from './vouched.ts';

/** @param knownOf when a source was known */
export function withoutOvertaken(track: Track, series: SiteSeries, knownOf: (source: SiteSource) => Spans): Track {
  const { times, imported } = track;
  if (!imported?.includes(true)) return track;
  const measured = { ...series, measured: series.measured.filter(({ source }) => !source.historical) };
  const own = pick(track, (index) => !imported[index]);
  const told = trueSpans(own, vouchedFor(measured, knownOf), times[0]!, times.at(-1)! + 1, 'notBad');
  let at = 0;
  return pick(track, (index) => {
    const time = times[index]!;
    while (at < told.length && told[at]!.end <= time) at++;
    return !imported[index] || (told[at]?.start ?? Number.POSITIVE_INFINITY) >= time;
  });
}
