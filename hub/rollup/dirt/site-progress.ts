/** How far each site has been computed, and with which plant. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../../protocols/sample.ts';

export interface SiteProgress {
  /** The earliest time of the site's own samples: where its figures begin. Undefined while there is none. */
  begun(site: string): TimeUs | undefined;
  /** There is a sample of its own at this time. */
  begin(site: string, start: TimeUs): void;
  /** Something of the site was imported: it is known, with or without samples of its own. */
  know(site: string): void;
  /** Up to when it has been computed as time passed; undefined before its first sample. */
  reached(site: string): TimeUs | undefined;
  /** `until` is null while nothing but imports is known of the site. */
  reach(site: string, until: TimeUs | null, plantVersion: string): void;
  /** The plant that it was last computed with. */
  plantVersion(site: string): string | undefined;
  /** @returns whether it was computed with the version before. */
  follow(site: string, versions: { readonly before: string; readonly after: string }): boolean;
}

/** Of a site of which there is nothing but what was imported. */
const notBegun = Number.MAX_SAFE_INTEGER;

export function openSiteProgress(db: Database): SiteProgress {
  db.exec(`
    CREATE TABLE IF NOT EXISTS site_progress (
      site TEXT PRIMARY KEY, begun INTEGER NOT NULL, reached INTEGER, plant_version TEXT
    ) STRICT, WITHOUT ROWID`);
  const writeBegun = db.prepare(
    'INSERT INTO site_progress (site, begun) VALUES (?, ?) ON CONFLICT DO UPDATE SET begun = min(begun, excluded.begun)',
  );
  const writeReached = db.prepare('UPDATE site_progress SET reached = ?, plant_version = ? WHERE site = ?');
  const updateVersion = db.prepare('UPDATE site_progress SET plant_version = ? WHERE site = ? AND plant_version = ?');
  const select = db.prepare<[string], { begun: number; reached: number | null; plant_version: string | null }>(
    'SELECT begun, reached, plant_version FROM site_progress WHERE site = ?',
  );
  return {
    begun(site) {
      const begun = select.get(site)?.begun;
      return begun === notBegun ? undefined : begun;
    },
    begin: (site, start) => void writeBegun.run(site, start),
    know: (site) => void writeBegun.run(site, notBegun),
    reached: (site) => select.get(site)?.reached ?? undefined,
    reach: (site, until, plantVersion) => void writeReached.run(until, plantVersion, site),
    plantVersion: (site) => select.get(site)?.plant_version ?? undefined,
    follow: (site, { before, after }) => updateVersion.run(after, site, before).changes > 0,
  };
}
