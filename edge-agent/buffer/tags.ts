/** The tags of an epoch in the buffer's file: ids that are given once and for ever, and the manifest's revision. */
import type Database from 'better-sqlite3';
import type { ManifestTag } from '../../protocols/manifest.ts';
import { refuseLargeManifest } from './manifest-limit.ts';
import type { MetaTable } from './meta.ts';

export interface FileRegistration {
  readonly revision: number;
  readonly site: string;
  readonly tags: ManifestTag[];
  readonly ids: [string, number][];
}

interface TagRow {
  readonly id: number;
  readonly path: string;
  readonly declaration: string;
  readonly retired: number;
}

const readRows = (db: Database.Database): TagRow[] => db.prepare<[], TagRow>('SELECT * FROM tag ORDER BY id').all();

export const readTags = (db: Database.Database): ManifestTag[] =>
  readRows(db).map(
    ({ id, path, declaration, retired }): ManifestTag => ({
      id,
      path,
      ...JSON.parse(declaration),
      ...(retired ? { retired: true } : {}),
    }),
  );

export function createTagTable(db: Database.Database, meta: MetaTable) {
  const insertTag = db.prepare('INSERT INTO tag (path, declaration) VALUES (?, ?)');
  const keepTag = db.prepare('INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)');
  const retireTag = db.prepare('UPDATE tag SET retired = ? WHERE id = ?');
  const register = (declared: readonly Omit<ManifestTag, 'id'>[], site: string): FileRegistration =>
    meta.transact((draft) => {
      const known = new Map(readRows(db).map((tag) => [keyOf(tag), tag]));
      const ids: [string, number][] = [];
      let changed = draft.site !== site;
      for (const tag of declared) {
        const { path } = tag;
        const declaration = declarationOf(tag);
        const same = known.get(keyOf({ path, declaration }));
        if (same && !same.retired) ids.push([path, same.id]);
        else if (same) {
          retireTag.run(0, same.id);
          ids.push([path, same.id]);
          changed = true;
        } else {
          ids.push([path, Number(insertTag.run(path, declaration).lastInsertRowid)]);
          changed = true;
        }
      }
      const live = new Set(ids.map(([, id]) => id));
      for (const tag of known.values()) {
        if (tag.retired || live.has(tag.id)) continue;
        retireTag.run(1, tag.id);
        changed = true;
      }
      const tags = readTags(db);
      if (changed) {
        refuseLargeManifest(site, tags);
        draft.revision += 1;
        draft.site = site;
      }
      return { revision: draft.revision, site, tags, ids };
    });

  return {
    register,
    /** Tags of another file, with their ids. */
    inherit({ revision, site, tags }: Pick<FileRegistration, 'revision' | 'site' | 'tags'>): void {
      meta.transact((draft) => {
        for (const tag of tags) keepTag.run(tag.id, tag.path, declarationOf(tag), Number(tag.retired ?? false));
        draft.revision = revision;
        draft.site = site;
      });
    },
  };
}

const keyOf = ({ path, declaration }: { path: string; declaration: string }): string => `${path} ${declaration}`;

/** What makes a tag another tag when it changes. */
const declarationOf = ({
  type,
  unit,
  role,
  source,
  intervalMs,
  counter,
  definition,
}: Omit<ManifestTag, 'id'>): string => JSON.stringify({ type, unit, role, source, intervalMs, counter, definition });
