/**
 * Reads what can still be read of a damaged buffer into a whole one of the same epoch; what cannot is a gap in it. A
 * thread of its own: a large file takes a while, and new samples do not wait. It says what has come of it.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { openFrame } from '../../protocols/frame.ts';
import { isDiskTrouble } from './buffer.ts';
import { openDatabase } from './database.ts';
import { type Mark, readMark } from './mark.ts';
import { openMeta, readMeta } from './meta.ts';
import { createRows, type Row } from './rows.ts';
import { createTagTable, readTags } from './tags.ts';

/** `nothing`: it is not even known what there was. `disk trouble`: what was found could not be kept; it may be later. */
export type Salvaged = 'something' | 'nothing' | 'disk trouble';

const rowsAtATime = 1000;
/** No frame has more samples: a row that begins so far before a number may still hold it. */
const longestRow = 8192;

/** false when it is not even known what there was. */
function salvage(damagedDir: string, dir: string): boolean {
  const damaged = openDamaged(damagedDir);
  const place = furthest(damaged && attempt(() => readMeta(damaged)), readMark(damagedDir));
  if (!place) return false;

  const db = openDatabase(dir, Number.MAX_SAFE_INTEGER);
  const meta = openMeta(db);
  const rows = createRows(db);
  const { acked, next } = place;
  const now = Date.now() * 1000;
  meta.transact((draft) => {
    draft.epoch = place.epoch;
    draft.offset = place.offset;
    draft.acked = acked;
    draft.sent = next - 1;
    draft.next = next;
  });
  const registered = damaged && attempt(() => ({ ...readMeta(damaged), tags: readTags(damaged) }));
  if (registered) createTagTable(db, meta).inherit({ ...registered, site: registered.site ?? '' });

  let expected = acked + 1;
  const take = (found: readonly Row[]) =>
    meta.transact((draft) => {
      for (const row of found) {
        if (row.last < expected || row.last >= next) continue;
        if (row.first > expected) rows.putHole(draft, expected, row.first - 1, now);
        rows.add(draft, row);
        expected = row.last + 1;
      }
    });
  let found: Row[] = [];
  for (const row of damaged ? readRows(damaged, acked + 1 - longestRow, next - 1) : []) {
    if (row.last <= acked || !isRow(row, place)) continue;
    found.push(row);
    if (found.length < rowsAtATime) continue;
    take(found);
    found = [];
  }
  take(found);
  if (expected < next) meta.transact((draft) => rows.putHole(draft, expected, next - 1, now));
  db.close();
  attempt(() => damaged?.close());
  return true;
}

function openDamaged(dir: string): Database.Database | undefined {
  return attempt(() => {
    const db = new Database(join(dir, 'buffer.db'));
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('cell_size_check = ON');
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  });
}

/** What file and mark say, the larger numbers of the two where they speak of the same epoch. */
function furthest(file: Mark | undefined, mark: Mark | undefined): Mark | undefined {
  if (!file || !isPlausible(file)) return mark;
  // One that was made in place of what is gone.
  if (mark && mark.epoch !== file.epoch && file.next === 1) return mark;
  if (mark?.epoch !== file.epoch || mark.offset !== file.offset) return file;
  return { ...file, next: Math.max(file.next, mark.next), acked: Math.max(file.acked, mark.acked) };
}

const isPlausible = ({ epoch, offset, next, acked }: Mark): boolean =>
  /^[0-9a-f]{32}$/.test(epoch) &&
  [offset, next, acked].every(Number.isSafeInteger) &&
  offset >= 0 &&
  acked >= offset &&
  next > acked;

/** Whether its frame is whole and is the one of these numbers. */
function isRow({ first, last, frame }: Row, { epoch, offset }: Mark): boolean {
  const header = attempt(() => openFrame(frame).header);
  if (header?.count !== last - first + 1) return false;
  return header.epoch !== epoch || header.first === first - offset;
}

/** Rows in order, as far as the tree leads to them: around a damaged page the next that can be read is looked for. */
function* readRows(db: Database.Database, from: number, to: number): Generator<Row> {
  const select = attempt(() =>
    db.prepare<[number], Row>('SELECT first, last, keep, frame FROM chunk WHERE first >= ? ORDER BY first LIMIT 1'),
  );
  if (!select) return;
  const readAt = (first: number): Row | 'none' | 'damaged' => {
    try {
      return select.get(first) ?? 'none';
    } catch {
      return 'damaged';
    }
  };
  for (let at = Math.max(1, from); at <= to; ) {
    const row = readAt(at);
    if (row === 'none') return;
    if (row === 'damaged') at = pastDamage(at, to, (first) => readAt(first) !== 'damaged');
    else {
      yield row;
      at = Math.max(row.first, at) + 1;
    }
  }
}

/** The first number from which reading succeeds again: by steps that double, and then between the last two. */
function pastDamage(at: number, to: number, isReadable: (first: number) => boolean): number {
  let step = 1;
  while (at + step <= to && !isReadable(at + step)) step *= 2;
  let damaged = at + Math.floor(step / 2);
  let readable = Math.min(to + 1, at + step);
  while (readable - damaged > 1) {
    const middle = damaged + Math.floor((readable - damaged) / 2);
    if (isReadable(middle)) readable = middle;
    else damaged = middle;
  }
  return readable;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const { from, to } = workerData as { from: string; to: string };
parentPort!.postMessage(attemptSalvage());

function attemptSalvage(): Salvaged {
  try {
    return salvage(from, to) ? 'something' : 'nothing';
  } catch (error) {
    if (!isDiskTrouble(error)) throw error;
    return 'disk trouble';
  }
}
