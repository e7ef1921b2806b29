/** A file's own sync does not promise its name: that is the folder's. */
import { open } from 'node:fs/promises';

/** Makes the names in a folder durable. */
export async function syncFolder(dir: string): Promise<void> {
  await using folder = await open(dir);
  await folder.sync();
}
