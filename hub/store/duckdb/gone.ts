/**
 * Segments that retention has deleted and of which nobody has been told yet. A segment goes by its catalogue entry being
 * renamed to one of these, which needs no space on a full disk; its data follow. A crash in between is finished when
 * the folder is opened, and what went is told then.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Deletion } from '../store.ts';
import { syncFolder } from '../sync-folder.ts';
import { entryPath, filesOf, readEntry, rowsOf, type Segment, writeEntry } from './segment.ts';

export interface Gone extends Deletion {
  readonly file: string;
}

interface Place {
  readonly dir: string;
  /** How long a segment may be open. */
  readonly segmentMs: number;
}

const fileName = /^(\d{9})\.(age|quota)-gone$/;

/** Deletes a sealed segment, which ended when the next was begun. Nobody may be reading. */
export async function unlinkSegment(
  segment: Segment,
  { why, bytes, end }: Pick<Deletion, 'why' | 'bytes'> & { readonly end: TimeUs },
  { dir, segmentMs }: Place,
): Promise<Gone> {
  const { path } = segment;
  const file = path.replace(/\.duckdb$/, `.${why}-gone`);
  if (!(await readEntry(path))) await writeEntry(segment);
  await rename(entryPath(path), file);
  await syncFolder(dir);
  for (const part of filesOf(path)) await rm(part, { force: true });
  await syncFolder(dir);
  return { ...heldBy(segment, segmentMs, end), bytes, why, file };
}

/** At opening, before the segments are listed: finishes what a crash cut short. */
export async function readGone({ dir, segmentMs }: Place): Promise<Gone[]> {
  const found: Gone[] = [];
  for (const name of (await readdir(dir)).sort()) {
    const [, id, why] = fileName.exec(name) ?? [];
    if (!id) continue;
    for (const part of filesOf(join(dir, `${id}.duckdb`))) await rm(part, { force: true });
    const file = join(dir, name);
    const entry = await readEntry('', file);
    if (entry) found.push({ ...heldBy(entry, segmentMs), bytes: null, why: why as Deletion['why'], file });
  }
  return found;
}

/** Once the ledger knows. */
export const forgetGone = ({ file }: Gone): Promise<void> => rm(file, { force: true });

/**
 * What a segment that went had held. It ended when the next was begun, and no later than it may be open: the next may
 * have been begun by a clock that was ahead.
 */
function heldBy({ openedAt, extents }: Pick<Segment, 'openedAt' | 'extents'>, segmentMs: number, end = Infinity) {
  return {
    before: Math.min(end, openedAt + segmentMs * 1000),
    through: new Map([...extents].map(([stream, { lastNumber }]) => [stream, lastNumber])),
    samples: rowsOf({ extents }),
  };
}
