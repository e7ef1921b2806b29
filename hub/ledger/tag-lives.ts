/**
 * When the tags of a stream were measured, by what its manifests said at the time. A revision is in force from the
 * first settled frame that names it: that frame's time of acceptance dates what the revision declares and retires,
 * however much later the hub learned of either.
 */
import type { Database } from 'better-sqlite3';
import type { Manifest } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Spans } from '../plant/spans.ts';

/** By tag id; the end of one that is still measured is Infinity. Of an import, all its tags share those of `everyTag`. */
export type TagLives = ReadonlyMap<number, Spans>;

export const everyTag = 0;

export interface TagLifeRows {
  /** Of all streams, by number. */
  all(): ReadonlyMap<number, TagLives>;
  of(stream: number): TagLives;
  /** The highest revision that any settled frame of the stream has named; 0 is none. */
  revisionInForce(stream: number): number;
  /** A frame names a higher revision than any before it. Within the transaction that settles the frame. */
  advance(stream: number, revision: number, acceptedAt: TimeUs): void;
  /** The tags of an import were measured when its samples were, whenever it was accepted. @returns whether that is new. */
  cover(stream: number, from: TimeUs, to: TimeUs): boolean;
}

export const lifeSchema = `
  CREATE TABLE IF NOT EXISTS tag_life (
    stream INTEGER NOT NULL, tag INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER,
    PRIMARY KEY (stream, tag, start)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS revision_in_force (
    stream INTEGER PRIMARY KEY, revision INTEGER NOT NULL
  ) STRICT;
`;

/** Dates a file of an earlier version, which did not note frames' revisions, by when the manifests came. */
export function dateEarlierManifests(db: Database): void {
  const { advance } = prepareTagLives(db);
  const earlier = db.prepare<[], { stream: number; revision: number; at: number }>(`
    SELECT stream, revision, received_at AS at FROM manifest
    WHERE stream NOT IN (SELECT stream FROM revision_in_force) ORDER BY stream, revision`);
  const firstFrame = db.prepare<[number], number | null>('SELECT min(accepted_at) FROM batch WHERE stream = ?').pluck();
  db.transaction(() => {
    let last: number | undefined;
    for (const { stream, revision, at } of earlier.all()) {
      // What the first one tells as retired was measured before it came.
      if (stream !== last) advance(stream, 0, Math.min(at, firstFrame.get(stream) ?? at));
      advance(stream, revision, at);
      last = stream;
    }
  })();
}

export function prepareTagLives(db: Database): TagLifeRows {
  type Row = { stream: number; tag: number; start: number; end: number | null };
  const selectAll = db.prepare<[], Row>('SELECT * FROM tag_life ORDER BY stream, tag, start');
  const selectOf = db.prepare<[number], Row>('SELECT * FROM tag_life WHERE stream = ? ORDER BY tag, start');
  const selectRevision = db
    .prepare<[number], number>('SELECT revision FROM revision_in_force WHERE stream = ?')
    .pluck();
  const writeRevision = db.prepare('INSERT OR REPLACE INTO revision_in_force VALUES (?, ?)');
  const selectManifest = db.prepare<[number, number], { revision: number; content: string }>(
    'SELECT revision, content FROM manifest WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT 1',
  );
  const begin = db.prepare('INSERT OR IGNORE INTO tag_life VALUES (?, ?, ?, NULL)');
  const end = db.prepare('UPDATE tag_life SET end = max(start, ?) WHERE stream = ? AND tag = ? AND end IS NULL');

  const forget = db.prepare('DELETE FROM tag_life WHERE stream = ?');
  const insert = db.prepare('INSERT INTO tag_life VALUES (?, ?, ?, ?)');

  // Most tags of a stream began together, and share their spans.
  const gather = (rows: readonly Row[]): TagLives => {
    const told = new Map<string, Spans>();
    const shared = (lives: readonly Row[]): Spans => {
      const spans = lives.map(({ start, end }) => ({ start, end: end ?? Number.POSITIVE_INFINITY }));
      const key = spans.map(({ start, end }) => `${start} ${end}`).join();
      if (!told.has(key)) told.set(key, spans);
      return told.get(key)!;
    };
    return new Map([...Map.groupBy(rows, ({ tag }) => tag)].map(([tag, lives]) => [tag, shared(lives)]));
  };
  const of = (stream: number) => gather(selectOf.all(stream));

  return {
    all() {
      const byStream = Map.groupBy(selectAll.all(), ({ stream }) => stream);
      return new Map([...byStream].map(([stream, rows]) => [stream, gather(rows)]));
    },
    of,
    revisionInForce: (stream) => selectRevision.get(stream) ?? 0,
    advance(stream, revision, acceptedAt) {
      const found = selectManifest.get(stream, revision);
      if (!found) return;
      const { tags } = JSON.parse(found.content) as Manifest;
      // The hub may never have seen the revision itself: the next one that it has lists the same tags, and maybe more.
      const isExact = found.revision === revision;
      const lives = of(stream);
      for (const { id, retired } of tags) {
        const isAlive = lives.get(id)?.at(-1)?.end === Number.POSITIVE_INFINITY;
        if (!retired || (!isExact && !lives.has(id))) {
          if (!isAlive) begin.run(stream, id, acceptedAt);
        } else if (isAlive && isExact) end.run(acceptedAt, stream, id);
      }
      writeRevision.run(stream, revision);
    },
    cover(stream, from, to) {
      const known = of(stream).get(everyTag)?.[0];
      if (known && known.start <= from && to < known.end) return false;
      forget.run(stream);
      const [start, end] = [Math.min(from, known?.start ?? from), Math.max(to + 1, known?.end ?? 0)];
      insert.run(stream, everyTag, start, end);
      return true;
    },
  };
}
