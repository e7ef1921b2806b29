/**
 * Every plant model that was ever applied, as it was written: who applied it, when and why. The newest of a site is in
 * force; going back to an older one is a version too.
 */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';

export interface PlantVersion {
  readonly site: string;
  /** From 1, of each site. */
  readonly number: number;
  /** SHA-256 of the content. */
  readonly hash: string;
  /** A token's name, or `file` for a file that hub.yaml names. */
  readonly author: string;
  readonly appliedAt: TimeUs;
  readonly why: string;
  /** YAML. */
  readonly content: string;
}

export interface PlantVersions {
  /** Keeps it for good, together with its audit event. */
  keep(version: Pick<PlantVersion, 'site' | 'author' | 'why' | 'content'>): PlantVersion;
  /** Of one site, the newest first. */
  list(site: string): PlantVersion[];
  find(site: string, number: number): PlantVersion | undefined;
  /** The newest of each site. */
  newest(): PlantVersion[];
}

export const plantVersionSchema = `
  CREATE TABLE IF NOT EXISTS plant_version (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, number INTEGER NOT NULL, hash TEXT NOT NULL, author TEXT NOT NULL,
    applied_at INTEGER NOT NULL, why TEXT NOT NULL, content TEXT NOT NULL, UNIQUE (site, number)) STRICT;
  CREATE TRIGGER IF NOT EXISTS plant_version_keeps BEFORE UPDATE ON plant_version BEGIN SELECT RAISE(ABORT, 'a plant model is kept as it was applied'); END;
  CREATE TRIGGER IF NOT EXISTS plant_version_stays BEFORE DELETE ON plant_version BEGIN SELECT RAISE(ABORT, 'a plant model is kept as it was applied'); END;
`;

export const contentHash = (content: string): string => createHash('sha256').update(content).digest('hex');

export function createPlantVersions(db: Database, audit: AuditLog, clock: Pick<Clock, 'now'>): PlantVersions {
  const columns = 'site, number, hash, author, applied_at AS appliedAt, why, content';
  const insert = db.prepare<Omit<PlantVersion, 'appliedAt'> & { appliedAt: TimeUs }>(
    `INSERT INTO plant_version (site, number, hash, author, applied_at, why, content)
     VALUES (:site, :number, :hash, :author, :appliedAt, :why, :content)`,
  );
  const ofSite = db.prepare<[string], PlantVersion>(
    `SELECT ${columns} FROM plant_version WHERE site = ? ORDER BY number DESC`,
  );
  const one = db.prepare<[string, number], PlantVersion>(
    `SELECT ${columns} FROM plant_version WHERE site = ? AND number = ?`,
  );
  const newest = db.prepare<[], PlantVersion>(
    `SELECT ${columns} FROM plant_version WHERE id IN (SELECT max(id) FROM plant_version GROUP BY site) ORDER BY site`,
  );

  const keep = db.transaction(({ site, author, why, content }: Parameters<PlantVersions['keep']>[0]): PlantVersion => {
    const number = (ofSite.get(site)?.number ?? 0) + 1;
    const version = { site, number, hash: contentHash(content), author, appliedAt: clock.now(), why, content };
    insert.run(version);
    audit.append({
      who: author,
      what: 'plant.apply',
      object: site,
      details: { version: number, hash: version.hash, why },
    });
    return version;
  });

  return {
    keep: (version) => keep.immediate(version),
    list: (site) => ofSite.all(site),
    find: (site, number) => one.get(site, number),
    newest: () => newest.all(),
  };
}
