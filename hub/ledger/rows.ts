/** What is read from a ledger's file, by the process that writes it and by others that only look. */
import type { Database } from 'better-sqlite3';
import { contentMark, type Fingerprint } from '../../protocols/fingerprint.ts';
import { type Manifest, manifestSchema } from '../../protocols/manifest.ts';
import { helloSchema } from '../../protocols/messages.ts';
import type { Amendment, BatchRow, DeadLetter, Gap, LedgerPages, NumberRun, Quarantine, Stream } from './ledger.ts';

export interface StreamRow {
  number: number;
  agent: string;
  epoch: string;
  through: number;
  expired: number;
  inherited: number;
  samples: number;
  dead_letters: number;
  manifest_revision: number;
  hello: string | null;
  hello_at: number | null;
  last_accepted_at: number | null;
  settled_at: number | null;
  closed_at: number | null;
  /** Absent in the file of an earlier version that another process holds. */
  withdrawn_at?: number | null;
  parted_after?: number | null;
}

interface GapRow extends Omit<Gap, 'acknowledged' | 'from' | 'to'> {
  from_time: number | null;
  to_time: number | null;
  who: string | null;
  seen_at: number | null;
  note: string | null;
}

export interface LedgerRows extends LedgerPages {
  readonly id: () => string;
  /** The newest last. */
  streams(): StreamRow[];
  /** The newest manifest of each stream. */
  manifests(): { readonly stream: number; readonly manifest: Manifest }[];
  manifest(stream: number): Manifest | undefined;
  /** Dead letters in a run of numbers, beyond `through` as well. */
  verdicts(stream: number, first: number, last: number): DeadLetter[];
  quarantines(): Quarantine[];
  amendments(after: number): Amendment[];
}

export function readRows(db: Database): LedgerRows {
  const selectId = db.prepare<[], string>("SELECT value FROM meta WHERE key = 'id'").pluck();
  const selectStreams = db.prepare<[], StreamRow>(
    'SELECT * FROM stream ORDER BY closed_at IS NULL, closed_at, hello_at',
  );
  const newest = 'SELECT stream, content FROM manifest JOIN stream ON stream = number AND revision = manifest_revision';
  const selectManifests = db.prepare<[], { stream: number; content: string }>(newest);
  const selectManifest = db.prepare<[number], { content: string }>(`${newest} WHERE stream = ?`);
  const batchColumns = `stream, first, last, lower(hex(content_hash)) AS contentHash, min_time AS minTime,
    max_time AS maxTime, accepted_at AS acceptedAt, settled_at AS settledAt`;
  const selectBatches = db.prepare<[number, number, number], BatchRow>(
    `SELECT ${batchColumns} FROM batch WHERE stream = ? AND first > ? ORDER BY first LIMIT ?`,
  );
  const selectBatch = db.prepare<[number, number], BatchRow>(
    `SELECT ${batchColumns} FROM batch WHERE stream = ? AND first <= ? ORDER BY first DESC LIMIT 1`,
  );
  const letters = `SELECT stream, number, reason, tag, time, value, quality, flags, settled_at AS settledAt
    FROM dead_letter AS letter WHERE stream = ?`;
  const selectDeadLetters = db.prepare<[number, number, number], DeadLetter>(`${letters} AND number > ?
    AND number <= (SELECT through FROM stream WHERE stream.number = letter.stream) ORDER BY number LIMIT ?`);
  const selectVerdicts = db.prepare<[number, number, number], DeadLetter>(
    `${letters} AND number BETWEEN ? AND ? ORDER BY number`,
  );
  const selectFrame = db.prepare<{ stream: number; number: number }, Fingerprint>(`
    SELECT last, acceptedAt, content FROM (
      SELECT first, last, accepted_at AS acceptedAt, lower(hex(content_hash)) AS content FROM
        (SELECT * FROM batch WHERE stream = :stream AND first <= :number ORDER BY first DESC LIMIT 1)
      UNION ALL SELECT first, last, at, reason FROM
        (SELECT * FROM gap WHERE stream = :stream AND first <= :number AND last IS NOT NULL ORDER BY first DESC LIMIT 1))
    WHERE last >= :number ORDER BY first DESC LIMIT 1`);
  const selectGaps = db.prepare<[number], GapRow>(`
    SELECT gap.*, who, gap_acknowledgement.at AS seen_at, note
    FROM gap LEFT JOIN gap_acknowledgement USING (stream, first) WHERE stream = ? ORDER BY first`);
  const countGaps = db.prepare<[number], number>('SELECT count(*) FROM gap WHERE stream = ?').pluck();
  const selectElsewhere = db.prepare<[number], NumberRun>(
    'SELECT first, last FROM elsewhere WHERE stream = ? ORDER BY first',
  );
  const selectQuarantines = db.prepare<[], Quarantine>('SELECT * FROM quarantine');
  const selectAmendments = db.prepare<
    [number],
    { sequence: number; stream: number; rewoundTo: number | null; from: number; to: number }
  >(`
    SELECT sequence, stream, rewound_to AS rewoundTo, from_time AS "from", to_time AS "to" FROM amendment
    WHERE sequence > ? ORDER BY sequence`);
  const parse = (content: string) => manifestSchema.parse(JSON.parse(content));

  return {
    id: () => selectId.get()!,
    streams: () => selectStreams.all(),
    manifests: () => selectManifests.all().map(({ stream, content }) => ({ stream, manifest: parse(content) })),
    manifest: (stream) => {
      const row = selectManifest.get(stream);
      return row && parse(row.content);
    },
    batches: (stream, after, limit) => selectBatches.all(stream, after, limit),
    batchAt: (stream, number) => {
      const batch = selectBatch.get(stream, number);
      return batch && batch.last >= number ? batch : undefined;
    },
    frameAt(stream, number) {
      const frame = selectFrame.get({ stream, number });
      return frame && { ...frame, content: contentMark(frame.content) };
    },
    deadLetters: (stream, after, limit) => selectDeadLetters.all(stream, after, limit),
    verdicts: (stream, first, last) => selectVerdicts.all(stream, first, last),
    gaps: (stream) => selectGaps.all(stream).map(toGap),
    gapCount: (stream) => countGaps.get(stream)!,
    elsewhere: (stream) => selectElsewhere.all(stream),
    quarantines: () => selectQuarantines.all(),
    amendments: (after) =>
      selectAmendments
        .all(after)
        .map(({ sequence, stream, rewoundTo, from, to }) =>
          rewoundTo === null ? { sequence, stream, from, to } : { sequence, stream, rewoundTo },
        ),
  };
}

export const toStream = (row: StreamRow): Stream => ({
  number: row.number,
  agent: row.agent,
  epoch: row.epoch,
  through: row.through,
  expired: row.expired,
  inherited: row.inherited,
  manifestRevision: row.manifest_revision,
  hello: row.hello === null ? null : helloSchema.parse(JSON.parse(row.hello)),
  helloAt: row.hello_at,
  lastAcceptedAt: row.last_accepted_at,
  settledAt: row.settled_at,
  samples: row.samples,
  deadLetters: row.dead_letters,
  closedAt: row.closed_at,
  partedAfter: row.parted_after ?? null,
  withdrawnAt: row.withdrawn_at ?? null,
});

const toGap = ({ stream, first, last, reason, at, from_time, to_time, who, seen_at, note }: GapRow): Gap => {
  const acknowledged = who === null ? null : { who, at: seen_at!, note: note! };
  return { stream, first, last, reason, at, from: from_time, to: to_time, acknowledged };
};
