/** What the hub keeps of an import on disk: the file until it is checked, and what was taken of it for ever. */
import { mkdirSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../protocols/manifest.ts';
import { isHealth } from '../plant/bindings.ts';

export interface ImportFolder {
  /** The file as it came. */
  readonly source: string;
  /** While rows are put in order of time. */
  readonly sorting: string;
  readonly frames: string;
  readonly refused: string;
  make(): void;
  dropSource(): void;
  /** What the tags of the frames mean. Durable on return. */
  keepManifest(manifest: Manifest): Promise<void>;
  manifest(): Promise<Manifest>;
}

/** Full paths of what an import tells of, by tag id: all but the health of its sources. */
export const pathsIn = ({ site, tags }: Manifest): ReadonlyMap<number, string> =>
  new Map(tags.flatMap(({ id, path, role }) => (isHealth(role) ? [] : [[id, `${site}/${path}`]])));

export function importFolder(dir: string, id: string): ImportFolder {
  const path = join(dir, id);
  const manifest = join(path, 'manifest.json');
  const source = join(path, 'source');
  return {
    source,
    sorting: join(path, 'sorting'),
    frames: join(path, 'frames'),
    refused: join(path, 'refused'),
    make: () => void mkdirSync(path, { recursive: true, mode: 0o700 }),
    dropSource: () => rmSync(source, { force: true }),
    keepManifest: (content) => writeFile(manifest, JSON.stringify(content), { mode: 0o600, flush: true }),
    manifest: async () => JSON.parse(await readFile(manifest, 'utf8')),
  };
}
