/** The ledger in SQLite, synchronous=FULL: one transaction settles the frames of many streams. */
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import { RejectedError } from '../../protocols/errors.ts';
import { type Manifest, type ManifestTag, manifestSchema } from '../../protocols/manifest.ts';
import { type Hello, helloSchema } from '../../protocols/messages.ts';
import type { BatchRow, DeadLetter, Gap, KnownTag, Ledger, Quarantine, SettledFrame, Stream } from './ledger.ts';
import { ledgerSchema } from './schema.ts';
import { streamNumberOf } from './stream-number.ts';

interface StreamRow {
  number: number;
  agent: string;
  epoch: string;
  through: number;
  expired: number;
  samples: number;
  dead_letters: number;
  manifest_revision: number;
  hello: string | null;
  hello_at: number | null;
  last_accepted_at: number | null;
  settled_at: number | null;
  closed_at: number | null;
}

interface GapRow extends Omit<Gap, 'acknowledged'> {
  who: string | null;
  seen_at: number | null;
  note: string | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known of a stream, kept in memory beside its row; SQLite stays the truth. */
interface StreamState {
  stream: Mutable<Stream>;
  tags: ReadonlyMap<number, ManifestTag>;
  site: string;
}

export function openSqliteLedger(file: string): Ledger {
  // Nobody else has business with this file; the event loop does not wait for somebody who has.
  const db = new Database(file, { timeout: 0 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.exec(ledgerSchema);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('id', ?)").run(randomUUID());
  const id = db.prepare<[], string>("SELECT value FROM meta WHERE key = 'id'").pluck().get()!;

  const insertStream = db.prepare('INSERT INTO stream (number, agent, epoch) VALUES (?, ?, ?)');
  const writeHello = db.prepare<[string, number, number], StreamRow>(
    'UPDATE stream SET hello = ?, hello_at = ?, closed_at = NULL WHERE number = ? RETURNING *',
  );
  const closeStream = db.prepare('UPDATE stream SET closed_at = ? WHERE number = ?');
  const insertManifest = db.prepare('INSERT OR IGNORE INTO manifest VALUES (?, ?, ?, ?)');
  const writeRevision = db.prepare('UPDATE stream SET manifest_revision = ? WHERE number = ?');
  const writeThrough = db.prepare(
    'UPDATE stream SET through = ?, samples = ?, dead_letters = ?, last_accepted_at = ?, settled_at = ? WHERE number = ?',
  );
  const insertBatch = db.prepare('INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const insertDeadLetter = db.prepare('INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const selectBatches = db.prepare(`
    SELECT stream, first, last, lower(hex(content_hash)) AS contentHash, min_time AS minTime, max_time AS maxTime,
      accepted_at AS acceptedAt, settled_at AS settledAt
    FROM batch WHERE stream = ? AND first > ? ORDER BY first LIMIT ?`);
  const selectDeadLetters = db.prepare(`
    SELECT stream, number, reason, tag, time, value, quality, flags, settled_at AS settledAt
    FROM dead_letter WHERE stream = ? AND number > ? ORDER BY number LIMIT ?`);
  const selectOldest = db.prepare<[number], { last: number; min_time: number; settled_at: number }>(
    'SELECT last, min_time, settled_at FROM batch WHERE stream = ? ORDER BY first',
  );
  const writeExpired = db.prepare('UPDATE stream SET expired = ? WHERE number = ?');
  const deleteBatches = db.prepare('DELETE FROM batch WHERE stream = ? AND first <= ?');
  const insertGap = db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?, ?)');
  const writeThroughOnly = db.prepare('UPDATE stream SET through = ? WHERE number = ?');
  const selectGaps = db.prepare<[number], GapRow>(`
    SELECT gap.*, who, gap_acknowledgement.at AS seen_at, note
    FROM gap LEFT JOIN gap_acknowledgement USING (stream, first) WHERE stream = ? ORDER BY first`);
  const writeAcknowledgement = db.prepare(`
    INSERT INTO gap_acknowledgement SELECT stream, first, ?, ?, ? FROM gap WHERE stream = ? AND first = ?
    ON CONFLICT DO UPDATE SET who = excluded.who, at = excluded.at, note = excluded.note`);

  const insertQuarantine = db.prepare('INSERT INTO quarantine VALUES (?, ?, ?)');
  const deleteQuarantine = db.prepare('DELETE FROM quarantine WHERE agent = ?');
  const quarantined = new Map(
    db
      .prepare<[], Quarantine>('SELECT * FROM quarantine')
      .all()
      .map((entry) => [entry.agent, entry]),
  );

  const states = new Map<number, StreamState>();
  const byIdentity = new Map<string, StreamState>();
  let knownTags: KnownTag[] | undefined;

  const keep = (row: StreamRow): StreamState => {
    const state: StreamState = { stream: toStream(row), tags: new Map(), site: '' };
    states.set(row.number, state);
    byIdentity.set(`${row.agent} ${row.epoch}`, state);
    return state;
  };
  const learn = (state: StreamState, manifest: Manifest) => {
    state.site = manifest.site;
    state.tags = new Map(manifest.tags.map((tag) => [tag.id, tag]));
    state.stream.manifestRevision = manifest.revision;
    knownTags = undefined;
  };

  // The newest last.
  const inOrder = 'SELECT * FROM stream ORDER BY closed_at IS NULL, closed_at, hello_at';
  for (const row of db.prepare<[], StreamRow>(inOrder).all()) keep(row);
  const newestManifests = db.prepare<[], { stream: number; content: string }>(
    'SELECT stream, content FROM manifest JOIN stream ON stream = number AND revision = manifest_revision',
  );
  for (const { stream, content } of newestManifests.all()) {
    learn(states.get(stream)!, manifestSchema.parse(JSON.parse(content)));
  }

  const greet = (agent: string, hello: Hello, now: number): Stream => {
    const known = byIdentity.get(`${agent} ${hello.epoch}`);
    const number = known?.stream.number ?? streamNumberOf(agent, hello.epoch);
    if (!known && states.has(number)) throw collision(states.get(number)!.stream, agent);
    const older = [...states.values()].filter(({ stream }) => stream.agent === agent && stream.closedAt === null);
    const row = db.transaction(() => {
      for (const { stream } of older) closeStream.run(now, stream.number);
      if (!known) insertStream.run(number, agent, hello.epoch);
      return writeHello.get(JSON.stringify(hello), now, number)!;
    })();
    for (const { stream } of older) stream.closedAt = now;
    knownTags = undefined;
    const { stream } = known ?? keep(row);
    return Object.assign(stream, { hello, helloAt: now, closedAt: null });
  };

  const settle = db.transaction((frames: readonly SettledFrame[], now: number) => {
    const progress = new Map<number, { through: number; samples: number; deadLetters: number; acceptedAt: number }>();
    for (const { batch, deadLetters } of frames) {
      const { stream } = states.get(batch.stream)!;
      const before = progress.get(batch.stream) ?? { ...stream, acceptedAt: 0 };
      if (batch.first !== before.through + 1) {
        throw new Error(`stream ${batch.stream}: batch from ${batch.first} does not follow ${before.through}`);
      }
      insertBatch.run(
        batch.stream,
        batch.first,
        batch.last,
        Buffer.from(batch.contentHash, 'hex'),
        batch.minTime,
        batch.maxTime,
        batch.acceptedAt,
        now,
      );
      for (const letter of deadLetters) {
        const { number, reason, tag, time, value, quality, flags } = letter;
        insertDeadLetter.run(batch.stream, number, reason, tag, time, value, quality, flags, now);
      }
      progress.set(batch.stream, {
        through: batch.last,
        samples: before.samples + batch.last - batch.first + 1 - deadLetters.length,
        deadLetters: before.deadLetters + deadLetters.length,
        acceptedAt: batch.acceptedAt,
      });
    }
    for (const [number, { through, samples, deadLetters, acceptedAt }] of progress) {
      writeThrough.run(through, samples, deadLetters, acceptedAt, now, number);
    }
    return progress;
  });

  return {
    id,
    streams: () => [...states.values()].map(({ stream }) => stream),
    stream: (agent, epoch) => byIdentity.get(`${agent} ${epoch}`)?.stream,
    greet,
    keepManifest(number, manifest, now) {
      const state = states.get(number)!;
      db.transaction(() => {
        insertManifest.run(number, manifest.revision, JSON.stringify(manifest), now);
        writeRevision.run(manifest.revision, number);
      })();
      learn(state, manifest);
    },
    tagsOf: (number) => states.get(number)!.tags,
    settle(frames, now) {
      for (const [number, { through, samples, deadLetters, acceptedAt }] of settle(frames, now)) {
        const settled = { through, samples, deadLetters, lastAcceptedAt: acceptedAt, settledAt: now };
        Object.assign(states.get(number)!.stream, settled);
      }
    },
    declareGap(number, last, reason, now) {
      const { stream } = states.get(number)!;
      db.transaction(() => {
        insertGap.run(number, stream.through + 1, last, reason, now);
        writeThroughOnly.run(last, number);
      })();
      stream.through = last;
    },
    expire(before) {
      for (const { stream } of states.values()) {
        let expired = stream.expired;
        for (const batch of selectOldest.iterate(stream.number)) {
          if (batch.min_time >= before && batch.settled_at > before) break;
          expired = batch.last;
        }
        if (expired === stream.expired) continue;
        db.transaction(() => {
          writeExpired.run(expired, stream.number);
          deleteBatches.run(stream.number, expired);
        })();
        stream.expired = expired;
      }
    },
    tags() {
      knownTags ??= collectTags(states.values());
      return knownTags;
    },
    batches: (stream, after, limit) => selectBatches.all(stream, after, limit) as BatchRow[],
    deadLetters: (stream, after, limit) => selectDeadLetters.all(stream, after, limit) as DeadLetter[],
    gaps: (stream) => selectGaps.all(stream).map(toGap),
    acknowledgeGap: (stream, first, { who, note }, now) =>
      writeAcknowledgement.run(who, now, note, stream, first).changes > 0,
    batchFrom(stream, first) {
      const [batch] = selectBatches.all(stream, first - 1, 1) as BatchRow[];
      return batch?.first === first ? batch : undefined;
    },
    quarantine(agent, reason, now) {
      if (quarantined.has(agent)) return;
      insertQuarantine.run(agent, reason, now);
      quarantined.set(agent, { agent, reason, at: now });
    },
    endQuarantine(agent) {
      deleteQuarantine.run(agent);
      return quarantined.delete(agent);
    },
    quarantines: () => quarantined,
    [Symbol.dispose]() {
      db.close();
    },
  };
}

const collision = ({ agent, number }: Stream, by: string): RejectedError =>
  new RejectedError(`stream ${number} is one of agent ${agent} already: give ${by} a new buffer, and so a new epoch`, {
    reason: 'collision',
  });

function toStream(row: StreamRow): Mutable<Stream> {
  return {
    number: row.number,
    agent: row.agent,
    epoch: row.epoch,
    through: row.through,
    expired: row.expired,
    manifestRevision: row.manifest_revision,
    hello: row.hello === null ? null : helloSchema.parse(JSON.parse(row.hello)),
    helloAt: row.hello_at,
    lastAcceptedAt: row.last_accepted_at,
    settledAt: row.settled_at,
    samples: row.samples,
    deadLetters: row.dead_letters,
    closedAt: row.closed_at,
  };
}

const toGap = ({ stream, first, last, reason, at, who, seen_at, note }: GapRow): Gap => {
  const acknowledged = who === null ? null : { who, at: seen_at!, note: note! };
  return { stream, first, last, reason, at, acknowledged };
};

/** One entry per agent and full path: the newest stream's declaration, and every key that ever held its samples. */
function collectTags(states: Iterable<StreamState>): KnownTag[] {
  const byPath = new Map<string, Mutable<KnownTag> & { keys: { stream: number; tag: number }[] }>();
  // What an agent is now is said by its open stream, also where a closed one is younger.
  const openLast = [...states].sort((a, b) => Number(a.stream.closedAt === null) - Number(b.stream.closedAt === null));
  for (const { stream, site, tags } of openLast) {
    const inOrder = [...tags.values()].sort(
      (a, b) => Number(Boolean(b.retired)) - Number(Boolean(a.retired)) || a.id - b.id,
    );
    for (const { path, ...current } of inOrder) {
      const full = `${site}/${path}`;
      const identity = `${stream.agent} ${full}`;
      const known = byPath.get(identity) ?? { agent: stream.agent, path: full, current, keys: [] };
      known.current = current;
      known.keys.push({ stream: stream.number, tag: current.id });
      byPath.set(identity, known);
    }
  }
  return [...byPath.values()];
}
