/** The ledger in SQLite, synchronous=FULL: one transaction settles the frames of many streams. */
import { randomUUID } from 'node:crypto';
import { openVersioned } from '../../protocols/sqlite/versioned-file.ts';
import { prepareEarliest } from './earliest.ts';
import { prepareExpiry } from './expiry.ts';
import { prepareGreeting } from './greeting.ts';
import { isImportAgent } from './imported.ts';
import { createKnownStreams } from './known-streams.ts';
import type { Ledger, SettledFrame, SettledGap, Stream } from './ledger.ts';
import { isParted } from './parted.ts';
import { prepareQuarantines } from './quarantines.ts';
import { prepareReplays } from './replays.ts';
import { prepareRewind } from './rewind.ts';
import { readRows, toStream } from './rows.ts';
import { layoutVersion, prepareSchema } from './schema.ts';
import { type Progress, prepareSettling } from './settling.ts';
import { prepareTagLives } from './tag-lives.ts';
import { createUnsaved } from './unsaved.ts';

/** Of each stream; the newest explains every frame, the others are for people. */
const keptRevisions = 100;

/** @throws {ConfigError} a newer program has changed it. */
export function openSqliteLedger(file: string): Ledger {
  const db = openVersioned(file, {
    version: layoutVersion,
    // Nobody else has business with writing this file; the event loop does not wait for somebody who does.
    timeoutMs: 0,
    configure(db) {
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
    },
    prepare: prepareSchema,
  });
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('id', ?)").run(randomUUID());
  const rows = readRows(db);
  const tagLives = prepareTagLives(db);

  const deleteManifests = db.prepare('DELETE FROM manifest WHERE stream = ? AND revision <= ?');
  const insertManifest = db.prepare('INSERT OR IGNORE INTO manifest VALUES (?, ?, ?, ?)');
  const writeRevision = db.prepare('UPDATE stream SET manifest_revision = ? WHERE number = ?');
  const writeParted = db.prepare('UPDATE stream SET parted_after = ? WHERE number = ?');
  const writeWithdrawn = db.prepare('UPDATE stream SET withdrawn_at = ? WHERE number = ?');
  const selectJudged = db
    .prepare<[number], number>('SELECT coalesce(max(number), 0) FROM dead_letter WHERE stream = ?')
    .pluck();
  const expiry = prepareExpiry(db);
  const settling = prepareSettling(db);
  const replays = prepareReplays(db);
  const rewind = prepareRewind(db);
  const earliest = prepareEarliest(db);
  const insertAmendment = db.prepare(
    'INSERT INTO amendment (stream, rewound_to, from_time, to_time) VALUES (?, ?, NULL, NULL)',
  );
  const writeAcknowledgement = db.prepare(`
    INSERT INTO gap_acknowledgement SELECT stream, first, ?, ?, ? FROM gap WHERE stream = ? AND first = ?
    ON CONFLICT DO UPDATE SET who = excluded.who, at = excluded.at, note = excluded.note`);

  const unsaved = createUnsaved(db);
  const { later, durably, save } = unsaved;
  const quarantines = prepareQuarantines(db, rows.quarantines(), unsaved);

  const known = createKnownStreams();
  for (const row of rows.streams()) known.keep(toStream(row), selectJudged.get(row.number)!);
  for (const { stream, manifest } of rows.manifests()) known.learn(known.of(stream), manifest);
  for (const [stream, lives] of tagLives.all()) {
    Object.assign(known.of(stream), { lives, inForce: tagLives.revisionInForce(stream) });
  }
  const { greet, close } = prepareGreeting(db, { known, settling, later });

  const settle = (settled: readonly (SettledFrame | SettledGap)[], now: number, isOther: boolean) => {
    const progress = new Map<number, Progress>();
    const inForce = new Map<number, number>();
    for (const one of settled) {
      const { stream, first, last } = 'gap' in one ? one.gap : one.batch;
      const before = progress.get(stream) ?? known.of(stream).stream;
      if (first !== before.through + 1) {
        throw new Error(`stream ${stream}: what begins at ${first} does not follow ${before.through}`);
      }
      if (known.of(stream).stream.closedAt !== null) settling.moveUnknownEnd(stream, last);
      progress.set(stream, 'gap' in one ? settling.gap(one, before) : settling.frame(one, before, now));
      if (!('gap' in one)) advanceRevision(one, inForce);
    }
    for (const [number, reached] of progress) settling.reach(number, reached, now);
    const parted = new Map([...progress.keys()].map((number) => [number, part(known.of(number).stream, isOther)]));
    return { progress, parted, inForce };
  };

  /** In the transaction that settles. @returns what is true with it. */
  const part = (stream: Stream, isOther: boolean): Pick<Stream, 'partedAfter'> => {
    const { number, through } = stream;
    const here = isOther ? through : null;
    const partedAfter = isParted(stream) ? stream.partedAfter : here;
    if (partedAfter !== stream.partedAfter) writeParted.run(partedAfter, number);
    return { partedAfter };
  };

  const advanceRevision = ({ batch, manifestRevision }: SettledFrame, inForce: Map<number, number>) => {
    const { stream, acceptedAt, minTime, maxTime } = batch;
    const state = known.of(stream);
    if (isImportAgent(state.stream.agent)) {
      if (tagLives.cover(stream, minTime, maxTime)) inForce.set(stream, state.stream.manifestRevision);
      return;
    }
    const before = inForce.get(stream) ?? state.inForce;
    const revision = manifestRevision ?? (before || state.stream.manifestRevision);
    if (revision <= before) return;
    tagLives.advance(stream, revision, acceptedAt);
    inForce.set(stream, revision);
  };

  const { batches, batchAt, frameAt, deadLetters, amendments } = rows;
  return {
    id: rows.id(),
    batches,
    batchAt,
    frameAt,
    deadLetters,
    amendments,
    earliestAfter: (stream, number) => earliest.after(known.of(stream).stream, number),
    gaps(stream) {
      save();
      return rows.gaps(stream);
    },
    gapCount(stream) {
      save();
      return rows.gapCount(stream);
    },
    elsewhere(stream) {
      save();
      return rows.elsewhere(stream);
    },
    streams: () => known.all().map(({ stream }) => stream),
    declared: known.all,
    stream: (agent, epoch) => known.find(agent, epoch)?.stream,
    greet,
    keepManifest(number, manifest, now) {
      const state = known.of(number);
      later(`manifest ${number} ${manifest.revision}`, () => {
        insertManifest.run(number, manifest.revision, JSON.stringify(manifest), now);
        writeRevision.run(manifest.revision, number);
        deleteManifests.run(number, manifest.revision - keptRevisions);
      });
      known.learn(state, manifest);
    },
    tagsOf: (number) => known.of(number).tags,
    settle(settled, now, isOther = false) {
      const { progress, parted, inForce } = durably(() => settle(settled, now, isOther));
      for (const one of settled) if (!('gap' in one)) earliest.settled(one.batch);
      for (const [number, moved] of progress)
        Object.assign(known.of(number).stream, moved, parted.get(number), { settledAt: now });
      for (const [number, revision] of inForce) {
        const state = known.of(number);
        Object.assign(state, { inForce: revision, lives: tagLives.of(number) });
        known.tags.changed(state.stream.agent);
      }
    },
    rewind(number, to) {
      const state = known.of(number);
      const { stream } = state;
      if (to >= stream.through) return stream.through;
      const rewound = durably(() => {
        const back = rewind(stream, to);
        insertAmendment.run(number, back.through);
        return back;
      });
      state.judged = selectJudged.get(number)!;
      earliest.forget(number);
      return Object.assign(stream, rewound).through;
    },
    verdicts: (number, first, last) => (first > known.of(number).judged ? [] : rows.verdicts(number, first, last)),
    beginReplay: replays.begin,
    unfinishedReplay: replays.unfinished,
    resolve(number, numbers) {
      const { stream } = known.of(number);
      Object.assign(
        stream,
        durably(() => replays.resolve(stream, numbers)),
      );
    },
    declareGap(number, last, reason, now, isOther = false) {
      const { stream } = known.of(number);
      const gap = { stream: number, first: stream.through + 1, last, reason };
      const parted = durably(() => {
        if (stream.closedAt !== null) settling.moveUnknownEnd(number, last);
        settling.gap({ gap, at: now }, stream);
        settling.reachOnly(number, last);
        return part(stream, isOther);
      });
      Object.assign(stream, parted, { through: last });
    },
    close(number, now) {
      const { stream } = known.of(number);
      if (stream.closedAt === null) close(stream, now);
    },
    withdraw(number, now) {
      durably(() => writeWithdrawn.run(now, number));
      const { stream } = known.of(number);
      stream.withdrawnAt = now;
      known.tags.changed(stream.agent);
    },
    expire({ before, through }) {
      let numbers = 0;
      for (const { stream } of known.all()) {
        const last = through ? expiry.upTo(stream, through.get(stream.number) ?? 0) : expiry.before(stream, before);
        if (last <= stream.expired) continue;
        durably(() => expiry.write(stream, last));
        numbers += last - stream.expired;
        stream.expired = last;
      }
      return numbers;
    },
    tags: known.tags.all,
    acknowledgeGap: (stream, first, { who, note }, now) =>
      writeAcknowledgement.run(who, now, note, stream, first).changes > 0,
    quarantine: quarantines.begin,
    endQuarantine: quarantines.end,
    quarantines: () => quarantines.list,
    [Symbol.dispose]() {
      save();
      db.close();
    },
  };
}
