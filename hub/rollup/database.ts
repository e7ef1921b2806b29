/** The roll-up's SQLite file: buckets, and what is still to be computed. Everything in it can be made again from samples. */
import Database from 'better-sqlite3';

export function openRollUpDatabase(file: string): Database.Database & Disposable {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  // The last buckets may be lost in a power cut, together with the note of how far the ledger was read for them.
  db.pragma('synchronous = NORMAL');
  return Object.assign(db, { [Symbol.dispose]: () => db.close() });
}
