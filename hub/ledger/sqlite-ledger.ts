/** The ledger in SQLite, synchronous=FULL: one transaction settles the frames of many streams. */
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import { RejectedError } from '../../protocols/errors.ts';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { Hello } from '../../protocols/messages.ts';
import { collectTags, tagsById } from './known-tags.ts';
import type { KnownTag, Ledger, SettledFrame, SettledGap, Stream } from './ledger.ts';
import { prepareRewind } from './rewind.ts';
import { readRows, type StreamRow, toStream } from './rows.ts';
import { prepareSchema } from './schema.ts';
import { streamNumberOf } from './stream-number.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known of a stream, kept in memory beside its row; SQLite stays the truth. */
interface StreamState {
  stream: Mutable<Stream>;
  tags: ReadonlyMap<number, ManifestTag>;
  site: string;
}

export function openSqliteLedger(file: string): Ledger {
  // Nobody else has business with writing this file; the event loop does not wait for somebody who does.
  const db = new Database(file, { timeout: 0 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  prepareSchema(db);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('id', ?)").run(randomUUID());
  const rows = readRows(db);

  const insertStream = db.prepare(
    'INSERT INTO stream (number, agent, epoch, through, expired, inherited) VALUES (:number, :agent, :epoch, :inherited, :inherited, :inherited)',
  );
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
  const selectOldest = db.prepare<[number], { last: number; min_time: number; settled_at: number }>(
    'SELECT last, min_time, settled_at FROM batch WHERE stream = ? ORDER BY first',
  );
  const writeExpired = db.prepare('UPDATE stream SET expired = ? WHERE number = ?');
  const deleteBatches = db.prepare('DELETE FROM batch WHERE stream = ? AND first <= ?');
  const insertGap = db.prepare('INSERT INTO gap VALUES (?, ?, ?, ?, ?)');
  const writeThroughOnly = db.prepare('UPDATE stream SET through = ? WHERE number = ?');
  const closeGap = db.prepare('INSERT OR IGNORE INTO gap VALUES (?, ?, NULL, ?, ?)');
  const reopenGap = db.prepare('DELETE FROM gap WHERE stream = ? AND last IS NULL');
  const rewind = prepareRewind(db);
  const writeReplay = db.prepare("INSERT OR REPLACE INTO meta VALUES ('replay', ?)");
  const selectReplay = db.prepare<[], string>("SELECT value FROM meta WHERE key = 'replay'").pluck();
  const deleteReplay = db.prepare("DELETE FROM meta WHERE key = 'replay'");
  const deleteDeadLetter = db.prepare('DELETE FROM dead_letter WHERE stream = ? AND number = ?');
  const writeCounts = db.prepare('UPDATE stream SET samples = ?, dead_letters = ? WHERE number = ?');
  const writeAcknowledgement = db.prepare(`
    INSERT INTO gap_acknowledgement SELECT stream, first, ?, ?, ? FROM gap WHERE stream = ? AND first = ?
    ON CONFLICT DO UPDATE SET who = excluded.who, at = excluded.at, note = excluded.note`);

  const insertQuarantine = db.prepare('INSERT INTO quarantine VALUES (?, ?, ?)');
  const deleteQuarantine = db.prepare('DELETE FROM quarantine WHERE agent = ?');
  const quarantined = new Map(rows.quarantines().map((entry) => [entry.agent, entry]));

  const states = new Map<number, StreamState>();
  const byIdentity = new Map<string, StreamState>();
  let knownTags: KnownTag[] | undefined;

  const keep = (row: StreamRow): StreamState => {
    const state: StreamState = { stream: { ...toStream(row) }, tags: new Map(), site: '' };
    states.set(row.number, state);
    byIdentity.set(`${row.agent} ${row.epoch}`, state);
    return state;
  };
  const learn = (state: StreamState, manifest: Manifest) => {
    state.site = manifest.site;
    state.tags = tagsById(manifest);
    state.stream.manifestRevision = manifest.revision;
    knownTags = undefined;
  };

  for (const row of rows.streams()) keep(row);
  for (const { stream, manifest } of rows.manifests()) learn(states.get(stream)!, manifest);

  const close = ({ number, through, hello }: Stream, now: number) => {
    closeStream.run(now, number);
    const complete = hello?.final && through >= hello.next - 1;
    if (!complete) closeGap.run(number, through + 1, 'closed before it was known to be drained', now);
  };

  const greet = (agent: string, hello: Hello, now: number, inherited = 0): Stream => {
    const known = byIdentity.get(`${agent} ${hello.epoch}`);
    const number = known?.stream.number ?? streamNumberOf(agent, hello.epoch);
    if (!known && states.has(number)) throw collision(states.get(number)!.stream, agent);
    const others = [...states.values()].filter(
      (state) => state !== known && state.stream.agent === agent && state.stream.closedAt === null,
    );
    const row = db.transaction(() => {
      for (const { stream } of others) close(stream, now);
      if (known) reopenGap.run(number);
      else insertStream.run({ number, agent, epoch: hello.epoch, inherited });
      return writeHello.get(JSON.stringify(hello), now, number)!;
    })();
    for (const { stream } of others) stream.closedAt = now;
    knownTags = undefined;
    const { stream } = known ?? keep(row);
    return Object.assign(stream, { hello, helloAt: now, closedAt: null });
  };

  type Progress = Pick<Stream, 'through' | 'samples' | 'deadLetters' | 'lastAcceptedAt'>;

  const settle = db.transaction((settled: readonly (SettledFrame | SettledGap)[], now: number) => {
    const progress = new Map<number, Progress>();
    for (const one of settled) {
      const { stream, first, last } = 'gap' in one ? one.gap : one.batch;
      const before = progress.get(stream) ?? states.get(stream)!.stream;
      if (first !== before.through + 1) {
        throw new Error(`stream ${stream}: what begins at ${first} does not follow ${before.through}`);
      }
      if ('gap' in one) {
        insertGap.run(stream, first, last, one.gap.reason, one.at);
        const { samples, deadLetters, lastAcceptedAt } = before;
        progress.set(stream, { through: last, samples, deadLetters, lastAcceptedAt });
      } else progress.set(stream, settleFrame(one, before, now));
    }
    for (const [number, { through, samples, deadLetters, lastAcceptedAt }] of progress) {
      writeThrough.run(through, samples, deadLetters, lastAcceptedAt, now, number);
    }
    return progress;
  });

  const settleFrame = ({ batch, deadLetters }: SettledFrame, before: Progress, now: number): Progress => {
    const { stream, first, last, contentHash, minTime, maxTime, acceptedAt } = batch;
    insertBatch.run(stream, first, last, Buffer.from(contentHash, 'hex'), minTime, maxTime, acceptedAt, now);
    for (const letter of deadLetters) {
      const { number, reason, tag, time, value, quality, flags } = letter;
      insertDeadLetter.run(stream, number, reason, tag, time, value, quality, flags, now);
    }
    return {
      through: last,
      samples: before.samples + last - first + 1 - deadLetters.length,
      deadLetters: before.deadLetters + deadLetters.length,
      lastAcceptedAt: acceptedAt,
    };
  };

  const { batches, batchFrom, deadLetters, gaps, gapCount } = rows;
  return {
    id: rows.id(),
    batches,
    batchFrom,
    deadLetters,
    gaps,
    gapCount,
    streams: () => [...states.values()].map(({ stream }) => stream),
    declared: () => [...states.values()],
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
    settle(settled, now) {
      for (const [number, progress] of settle(settled, now)) {
        Object.assign(states.get(number)!.stream, progress, { settledAt: now });
      }
    },
    rewind(number, to) {
      const { stream } = states.get(number)!;
      if (to < stream.through) Object.assign(stream, rewind(stream, to));
      return stream.through;
    },
    beginReplay: (stream, numbers) => void writeReplay.run(JSON.stringify({ stream, numbers })),
    unfinishedReplay() {
      const note = selectReplay.get();
      return note === undefined ? undefined : JSON.parse(note);
    },
    resolve(number, numbers) {
      const { stream } = states.get(number)!;
      const [samples, letters] = db.transaction(() => {
        let resolved = 0;
        for (const letter of numbers) resolved += deleteDeadLetter.run(number, letter).changes;
        const counts = [stream.samples + resolved, stream.deadLetters - resolved] as const;
        writeCounts.run(...counts, number);
        deleteReplay.run();
        return counts;
      })();
      Object.assign(stream, { samples, deadLetters: letters });
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
    acknowledgeGap: (stream, first, { who, note }, now) =>
      writeAcknowledgement.run(who, now, note, stream, first).changes > 0,
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
