/**
 * The ledger's tables. `batch` (with `dead_letter`), `gap` and `elsewhere` tile every number from `expired` to `through`.
 */
import type { Database } from 'better-sqlite3';
import { dateEarlierManifests, lifeSchema } from './tag-lives.ts';

/** What an older hub must not open, or would misread, raises it. */
export const layoutVersion = 1;

/** Makes what is missing, also in a file from before there was a mark. */
export function prepareSchema(db: Database): void {
  db.exec(ledgerSchema + lifeSchema);
  const columns = db.pragma('table_info(stream)') as { name: string }[];
  for (const [column, type] of addedColumns) {
    if (!columns.some(({ name }) => name === column)) db.exec(`ALTER TABLE stream ADD COLUMN ${column} ${type}`);
  }
  dateEarlierManifests(db);
}

const addedColumns = [
  ['inherited', 'INTEGER NOT NULL DEFAULT 0'],
  ['withdrawn_at', 'INTEGER'],
  ['parted_after', 'INTEGER'],
] as const;

const ledgerSchema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stream (
    number INTEGER PRIMARY KEY,
    agent TEXT NOT NULL,
    epoch TEXT NOT NULL,
    through INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    inherited INTEGER NOT NULL DEFAULT 0,
    samples INTEGER NOT NULL DEFAULT 0,
    dead_letters INTEGER NOT NULL DEFAULT 0,
    manifest_revision INTEGER NOT NULL DEFAULT 0,
    hello TEXT,
    hello_at INTEGER,
    last_accepted_at INTEGER,
    settled_at INTEGER,
    closed_at INTEGER,
    withdrawn_at INTEGER,
    parted_after INTEGER,
    UNIQUE (agent, epoch)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS manifest (
    stream INTEGER NOT NULL REFERENCES stream,
    revision INTEGER NOT NULL,
    content TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (stream, revision)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS batch (
    stream INTEGER NOT NULL REFERENCES stream,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS dead_letter (
    stream INTEGER NOT NULL REFERENCES stream,
    number INTEGER NOT NULL,
    reason TEXT NOT NULL,
    tag INTEGER NOT NULL,
    time INTEGER NOT NULL,
    value TEXT NOT NULL,
    quality INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    PRIMARY KEY (stream, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS gap (
    stream INTEGER NOT NULL REFERENCES stream,
    first INTEGER NOT NULL,
    last INTEGER,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    from_time INTEGER,
    to_time INTEGER,
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS gap_acknowledgement (
    stream INTEGER NOT NULL REFERENCES stream,
    first INTEGER NOT NULL,
    who TEXT NOT NULL,
    at INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS elsewhere (
    stream INTEGER NOT NULL REFERENCES stream,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS amendment (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    rewound_to INTEGER,
    from_time INTEGER,
    to_time INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS quarantine (
    agent TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
