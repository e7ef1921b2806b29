/**
 * Programs that tests need and a laptop may not have: without one its tests are skipped and say so. In CI, where
 * PAYESH_REQUIRE_COUNTERPARTS is set, a missing one is a failure.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';

/** Debian keeps servers in sbin, which is not on every user's path. */
const extraFolders = ['/usr/sbin', '/usr/local/sbin'];

/** Full path of a program; undefined when it is not installed, and then the test has been skipped or failed. */
export function requireOrSkip(t: Test, program: string): string | undefined {
  const found = findProgram(program);
  if (found) return found;
  if (process.env.PAYESH_REQUIRE_COUNTERPARTS)
    t.fail(`${program} is not installed, and counterparts are required here`);
  else t.plan(0, `${program} is not installed`);
  return undefined;
}

function findProgram(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...extraFolders];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
