/** The ledger in SQLite, synchronous=FULL: one transaction settles the frames of many streams. */
import { randomUUID } from 'node:crypto';
import Database from 'better-sqlite3';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { Hello } from '../../protocols/messages.ts';
import { prepareEarliest } from './earliest.ts';
import { prepareExpiry } from './expiry.ts';
import { prepareForget } from './forget.ts';
import { isImportAgent } from './imported.ts';
import { collectTags, tagsById } from './known-tags.ts';
import type { KnownTag, Ledger, SettledFrame, SettledGap, Stream } from './ledger.ts';
import { collision, newStream } from './new-stream.ts';
import { isParted } from './parted.ts';
import { prepareQuarantines } from './quarantines.ts';
import { prepareReplays } from './replays.ts';
import { prepareRewind } from './rewind.ts';
import { readRows, toStream } from './rows.ts';
import { prepareSchema } from './schema.ts';
import { type Progress, prepareSettling } from './settling.ts';
import { streamNumberOf } from './stream-number.ts';
import { prepareTagLives, type TagLives } from './tag-lives.ts';
import { createUnsaved } from './unsaved.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is known of a stream, kept in memory beside its row; SQLite stays the truth. */
interface StreamState {
  stream: Mutable<Stream>;
  tags: ReadonlyMap<number, ManifestTag>;
  site: string;
  /** The highest number that was ever a dead letter; above `through` after a rewind. */
  judged: number;
  lives: TagLives;
  /** The highest revision that a settled frame has named. */
  inForce: number;
}

/** Of each agent. */
const rememberedEmpty = 64;
/** Of each stream; the newest explains every frame, the others are for people. */
const keptRevisions = 100;

export function openSqliteLedger(file: string): Ledger {
  // Nobody else has business with writing this file; the event loop does not wait for somebody who does.
  const db = new Database(file, { timeout: 0 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  prepareSchema(db);
  db.prepare("INSERT OR IGNORE INTO meta VALUES ('id', ?)").run(randomUUID());
  const rows = readRows(db);
  const tagLives = prepareTagLives(db);

  const insertStream = db.prepare(
    'INSERT OR IGNORE INTO stream (number, agent, epoch, through, expired, inherited) VALUES (:number, :agent, :epoch, :inherited, :inherited, :inherited)',
  );
  const writeHello = db.prepare('UPDATE stream SET hello = ?, hello_at = ?, closed_at = NULL WHERE number = ?');
  const closeStream = db.prepare('UPDATE stream SET closed_at = ? WHERE number = ?');
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
  const forget = prepareForget(db);
  const insertElsewhere = db.prepare(
    'INSERT INTO elsewhere VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
  );
  const closeGap = db.prepare('INSERT OR IGNORE INTO gap VALUES (?, ?, NULL, ?, ?, NULL, NULL)');
  const reopenGap = db.prepare('DELETE FROM gap WHERE stream = ? AND last IS NULL');
  const rewind = prepareRewind(db);
  const earliest = prepareEarliest(db);
  const insertAmendment = db.prepare(
    'INSERT INTO amendment (stream, rewound_to, from_time, to_time) VALUES (?, ?, NULL, NULL)',
  );
  const writeAcknowledgement = db.prepare(`
    INSERT INTO gap_acknowledgement SELECT stream, first, ?, ?, ? FROM gap WHERE stream = ? AND first = ?
    ON CONFLICT DO UPDATE SET who = excluded.who, at = excluded.at, note = excluded.note`);

  const states = new Map<number, StreamState>();
  const byIdentity = new Map<string, StreamState>();
  let knownTags: KnownTag[] | undefined;

  const unsaved = createUnsaved(db);
  const { later, durably, save } = unsaved;
  const quarantines = prepareQuarantines(db, rows.quarantines(), unsaved);

  const keep = (stream: Stream): StreamState => {
    const judged = selectJudged.get(stream.number)!;
    const known = { tags: new Map(), site: '', lives: new Map(), inForce: 0 };
    const state: StreamState = { stream: { ...stream }, ...known, judged };
    states.set(stream.number, state);
    byIdentity.set(`${stream.agent} ${stream.epoch}`, state);
    return state;
  };
  const learn = (state: StreamState, manifest: Manifest) => {
    state.site = manifest.site;
    state.tags = tagsById(manifest);
    state.stream.manifestRevision = manifest.revision;
    knownTags = undefined;
  };

  for (const row of rows.streams()) keep(toStream(row));
  for (const { stream, manifest } of rows.manifests()) learn(states.get(stream)!, manifest);
  for (const [stream, lives] of tagLives.all()) {
    Object.assign(states.get(stream)!, { lives, inForce: tagLives.revisionInForce(stream) });
  }

  const close = (stream: Mutable<Stream>, now: number) => {
    stream.closedAt = now;
    const { number } = stream;
    later(`close ${number}`, () => {
      closeStream.run(now, number);
      const complete = stream.hello?.final && stream.through >= stream.hello.next - 1;
      if (!complete) closeGap.run(number, stream.through + 1, 'closed before it was known to be drained', now);
    });
  };

  /** Epochs that only ever greeted are remembered up to a number: who comes with ever new ones must not fill the disk. */
  const forgetEmpty = (agent: string) => {
    const empty = [...states.values()].filter(
      ({ stream, judged }) =>
        stream.agent === agent && stream.closedAt !== null && stream.through === stream.inherited && judged === 0,
    );
    for (const { stream } of empty.slice(0, -rememberedEmpty)) {
      const { number, epoch } = stream;
      later(`forget ${number}`, () => forget(number));
      states.delete(number);
      byIdentity.delete(`${agent} ${epoch}`);
    }
  };

  const greet = (agent: string, hello: Hello, now: number, inherited = 0): Stream => {
    const { epoch } = hello;
    const known = byIdentity.get(`${agent} ${epoch}`);
    const number = known?.stream.number ?? streamNumberOf(agent, epoch);
    if (!known && states.has(number)) throw collision(states.get(number)!.stream, agent);
    const others = [...states.values()].filter(
      (other) => other !== known && other.stream.agent === agent && other.stream.closedAt === null,
    );
    for (const { stream } of others) close(stream, now);
    // Tags are as the open streams say. Who only comes back changes none, and a thousand come back at once.
    if (others.length > 0 || known?.stream.closedAt !== null) knownTags = undefined;
    if (!known) forgetEmpty(agent);
    if (!known) later(`open ${number}`, () => insertStream.run({ number, agent, epoch, inherited }));
    const { stream } = known ?? keep(newStream(number, agent, epoch, inherited));
    if (inherited > stream.through) {
      const first = stream.through + 1;
      later(`elsewhere ${number}`, () => {
        insertElsewhere.run(number, first, inherited);
        settling.reachOnly(number, inherited);
      });
      stream.through = inherited;
    }
    later(`greet ${number}`, () => {
      reopenGap.run(number);
      writeHello.run(JSON.stringify(hello), now, number);
    });
    return Object.assign(stream, { hello, helloAt: now, closedAt: null });
  };

  const settle = (settled: readonly (SettledFrame | SettledGap)[], now: number, isOther: boolean) => {
    const progress = new Map<number, Progress>();
    const inForce = new Map<number, number>();
    for (const one of settled) {
      const { stream, first, last } = 'gap' in one ? one.gap : one.batch;
      const before = progress.get(stream) ?? states.get(stream)!.stream;
      if (first !== before.through + 1) {
        throw new Error(`stream ${stream}: what begins at ${first} does not follow ${before.through}`);
      }
      if (states.get(stream)!.stream.closedAt !== null) settling.moveUnknownEnd(stream, last);
      progress.set(stream, 'gap' in one ? settling.gap(one, before) : settling.frame(one, before, now));
      if (!('gap' in one)) advanceRevision(one, inForce);
    }
    for (const [number, reached] of progress) settling.reach(number, reached, now);
    const parted = new Map([...progress.keys()].map((number) => [number, part(states.get(number)!.stream, isOther)]));
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
    const state = states.get(stream)!;
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
    earliestAfter: (stream, number) => earliest.after(states.get(stream)!.stream, number),
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
    streams: () => [...states.values()].map(({ stream }) => stream),
    declared: () => [...states.values()],
    stream: (agent, epoch) => byIdentity.get(`${agent} ${epoch}`)?.stream,
    greet,
    keepManifest(number, manifest, now) {
      const state = states.get(number)!;
      later(`manifest ${number} ${manifest.revision}`, () => {
        insertManifest.run(number, manifest.revision, JSON.stringify(manifest), now);
        writeRevision.run(manifest.revision, number);
        deleteManifests.run(number, manifest.revision - keptRevisions);
      });
      learn(state, manifest);
    },
    tagsOf: (number) => states.get(number)!.tags,
    settle(settled, now, isOther = false) {
      const { progress, parted, inForce } = durably(() => settle(settled, now, isOther));
      for (const one of settled) if (!('gap' in one)) earliest.settled(one.batch);
      for (const [number, moved] of progress)
        Object.assign(states.get(number)!.stream, moved, parted.get(number), { settledAt: now });
      for (const [number, revision] of inForce) {
        Object.assign(states.get(number)!, { inForce: revision, lives: tagLives.of(number) });
        knownTags = undefined;
      }
    },
    rewind(number, to) {
      const state = states.get(number)!;
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
    verdicts: (number, first, last) => (first > states.get(number)!.judged ? [] : rows.verdicts(number, first, last)),
    beginReplay: replays.begin,
    unfinishedReplay: replays.unfinished,
    resolve(number, numbers) {
      const { stream } = states.get(number)!;
      Object.assign(
        stream,
        durably(() => replays.resolve(stream, numbers)),
      );
    },
    declareGap(number, last, reason, now, isOther = false) {
      const { stream } = states.get(number)!;
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
      const { stream } = states.get(number)!;
      if (stream.closedAt === null) close(stream, now);
    },
    withdraw(number, now) {
      durably(() => writeWithdrawn.run(now, number));
      states.get(number)!.stream.withdrawnAt = now;
      knownTags = undefined;
    },
    expire({ before, through }) {
      let numbers = 0;
      for (const { stream } of states.values()) {
        const last = through ? expiry.upTo(stream, through.get(stream.number) ?? 0) : expiry.before(stream, before);
        if (last <= stream.expired) continue;
        durably(() => expiry.write(stream, last));
        numbers += last - stream.expired;
        stream.expired = last;
      }
      return numbers;
    },
    tags() {
      knownTags ??= collectTags(states.values());
      return knownTags;
    },
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
