/** Every import there ever was, with what came of it. What people did with it is in the audit log, in the same commit. */
import type { Database } from 'better-sqlite3';
import type { Json } from '../../protocols/canonical-json.ts';
import type { AuditLog } from '../access/audit.ts';
import { inLanguage } from '../words.ts';
import type { Import, ImportState } from './import.ts';

export interface ImportLog {
  /** Keeps it as it is now, together with who did what to it. */
  keep(one: Import, done?: { readonly who: string; readonly what: string }): void;
  get(id: string): Import | undefined;
  /** Newest first. */
  list(limit: number): Import[];
  /** Newest first. */
  inState(...states: ImportState[]): Import[];
  /** The newest of a file at a site, whatever became of it. */
  ofFile(site: string, sha256: string): Import | undefined;
}

export const importSchema = `
  CREATE TABLE IF NOT EXISTS import (
    id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, site TEXT NOT NULL, sha256 TEXT NOT NULL, state TEXT NOT NULL,
    content TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS import_of_file ON import (site, sha256);
`;

/** Looked through for those that are in some state. */
const mostKept = 10_000;

export function createImportLog(db: Database, audit: AuditLog): ImportLog {
  const write = db.prepare(`
    INSERT INTO import VALUES (:id, :createdAt, :site, :sha256, :state, :content)
    ON CONFLICT DO UPDATE SET state = :state, content = :content`);
  const one = db.prepare<[string], string>('SELECT content FROM import WHERE id = ?').pluck();
  const all = db.prepare<[number], string>('SELECT content FROM import ORDER BY created_at DESC, id LIMIT ?').pluck();
  const ofFile = db
    .prepare<[string, string], string>(
      'SELECT content FROM import WHERE site = ? AND sha256 = ? ORDER BY created_at DESC LIMIT 1',
    )
    .pluck();
  const keep = db.transaction((one: Import, done?: { who: string; what: string }): void => {
    const { id, createdAt, request, state } = one;
    write.run({ id, createdAt, site: request.site, sha256: request.sha256, state, content: JSON.stringify(one) });
    if (done) audit.append({ ...done, object: request.site, details: detailsOf(one) });
  });
  const parse = (text: string | undefined): Import | undefined => (text === undefined ? undefined : JSON.parse(text));
  const list = (limit: number): Import[] => all.all(limit).map((text) => JSON.parse(text));
  return {
    keep: (one, done) => keep.immediate(one, done),
    get: (id) => parse(one.get(id)),
    list,
    inState: (...states) => list(mostKept).filter(({ state }) => states.includes(state)),
    ofFile: (site, sha256) => parse(ofFile.get(site, sha256)),
  };
}

function detailsOf({ id, request, dryRun, outcome, why }: Import): { [key: string]: Json } {
  const { kind, format, name, bytes, sha256 } = request;
  return {
    ...{ import: id, kind, format, name, bytes, sha256, dryRun },
    ...(outcome && { outcome: { ...outcome, refused: { ...outcome.refused } } }),
    why: why && inLanguage(why, 'en'),
  };
}
