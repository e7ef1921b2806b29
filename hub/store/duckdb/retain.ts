/**
 * Retention of whole segments, because DELETE frees no bytes in DuckDB. A segment goes when the last sample that arrived
 * in it is too old, or as the oldest one when the disk quota is exceeded; the current segment never goes.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Deletion } from '../store.ts';
import { rowsOf } from './segment.ts';
import type { Segments } from './segments.ts';

/** Nobody may be reading or writing. */
export async function retainSegments(
  segments: Segments,
  policy: { readonly maxAgeMs: number; readonly maxBytes: number },
  now: TimeUs,
): Promise<readonly Deletion[]> {
  const deletions: Deletion[] = [];
  let total = 0;
  for (const segment of segments.list) total += await segments.bytesOf(segment);
  const oldestKept = now - policy.maxAgeMs * 1000;
  for (const segment of segments.list.slice(0, -1)) {
    const next = segments.list[segments.list.indexOf(segment) + 1]!;
    // The next segment was begun when this one was sealed: everything here arrived before.
    const before = next.openedAt;
    const why = before <= oldestKept ? 'age' : total > policy.maxBytes ? 'quota' : undefined;
    if (!why) break;
    const bytes = await segments.bytesOf(segment);
    await segments.unlink(segment);
    total -= bytes;
    deletions.push({ before, samples: rowsOf(segment), bytes, why });
  }
  return deletions;
}
