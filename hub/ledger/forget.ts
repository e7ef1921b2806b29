/** Takes a stream out of every table. */
import type { Database } from 'better-sqlite3';

/** Those that refer to others come first. */
const tables = [
  ...['gap_acknowledgement', 'gap', 'dead_letter', 'batch', 'elsewhere', 'manifest'],
  ...['tag_life', 'revision_in_force'],
];

/** Within a transaction. */
export function prepareForget(db: Database): (stream: number) => void {
  const deletions = tables.map((table) => db.prepare(`DELETE FROM ${table} WHERE stream = ?`));
  const deleteStream = db.prepare('DELETE FROM stream WHERE number = ?');
  return (stream) => {
    for (const deletion of deletions) deletion.run(stream);
    deleteStream.run(stream);
  };
}
