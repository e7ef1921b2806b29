/** The roll-up's SQLite file: buckets, and what is still to be computed. Everything in it can be made again from samples. */
import type { Database } from 'better-sqlite3';
import { openVersioned } from '../../protocols/sqlite/versioned-file.ts';

const layoutVersion = 1;

/** @throws {ConfigError} a newer program has changed it. */
export function openRollUpDatabase(file: string): Database & Disposable {
  const db = openVersioned(file, {
    version: layoutVersion,
    timeoutMs: 5000,
    configure(db) {
      db.pragma('journal_mode = WAL');
      // The last buckets may be lost in a power cut, together with the note of how far the ledger was read for them.
      db.pragma('synchronous = NORMAL');
    },
    // Each part of the roll-up makes its own tables.
    prepare() {},
  });
  return Object.assign(db, { [Symbol.dispose]: () => db.close() });
}
