/**
 * The version of what the folder of samples holds: segments, their entries, and how DuckDB itself writes them. It stands in
 * a file beside them, so that a newer store is refused before DuckDB sees it, which takes what it cannot read for damaged.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refuseNewer } from '../../../protocols/file-version.ts';
import { syncFolder } from '../sync-folder.ts';
import { ifMissing } from './damage.ts';

const layoutVersion = 1;

/** @throws {ConfigError} a newer program has changed the folder; every byte of it is as it was. */
export async function takeFolder(dir: string): Promise<void> {
  const file = join(dir, 'version');
  const found = Number((await readFile(file, 'utf8').catch(ifMissing)) ?? 0) || 0;
  refuseNewer(file, found, layoutVersion);
  if (found === layoutVersion) return;
  try {
    await writeFile(`${file}.tmp`, `${layoutVersion}\n`, { flush: true });
    await rename(`${file}.tmp`, file);
    await syncFolder(dir);
  } catch (error) {
    // What is only not marked yet can be read on a full disk, too.
    if (found !== 0 || (error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
