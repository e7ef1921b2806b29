/** How many tags of a source are well, by their newest measurements. */
import { isBad, isGood } from '../../protocols/sample.ts';
import type { Sampler } from '../acquire/sampler.ts';
import type { BookedTag } from '../acquire/tag-book.ts';
import type { SourceReport } from './report.ts';

export function countByQuality(
  tags: readonly Pick<BookedTag, 'id'>[],
  sampler: Pick<Sampler, 'latest'>,
): SourceReport['tags'] {
  const counts = { good: 0, uncertain: 0, bad: 0, silent: 0 };
  for (const { id } of tags) {
    const quality = sampler.latest(id)?.sample.quality;
    if (quality === undefined) counts.silent++;
    else if (isGood(quality)) counts.good++;
    else if (isBad(quality)) counts.bad++;
    else counts.uncertain++;
  }
  return counts;
}
