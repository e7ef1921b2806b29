/** What screens are shown while a backlog drains: the newest measurement of every tag that has changed since they were. */
import type { Sample } from '../../protocols/sample.ts';
import type { Fleet } from './fleet.ts';
import type { TagBook } from './tag-book.ts';

/** Each call gives at most so many, and the rest the next time. */
export function createNewest(fleet: Pick<Fleet, 'runs'>, book: Pick<TagBook, 'tagsOf'>, most: number): () => Sample[] {
  const shown = new Map<number, Sample>();
  return () => {
    const changed: Sample[] = [];
    for (const [source, { sampler }] of fleet.runs) {
      for (const { id } of book.tagsOf(source)) {
        const sample = sampler.latest(id)?.sample;
        if (!sample || shown.get(id) === sample) continue;
        if (changed.length === most) return changed;
        shown.set(id, sample);
        changed.push(sample);
      }
    }
    return changed;
  };
}
