/**
 * Every persistent file carries the version of its layout, and is opened only by a program that knows it. The version is
 * raised when an older program would misread what a newer one writes, or do harm with it; a table or a column that it may
 * ignore needs no new one. Files from before there were marks (0) are of version 1.
 */
import { ConfigError } from './errors.ts';

/** @throws {ConfigError} a newer program has changed the file. Nothing of it may be touched then, nor set aside. */
export function refuseNewer(file: string, found: number, known: number): void {
  if (found <= known) return;
  throw new ConfigError(
    `a newer version of Payesh has changed this file: its layout is version ${found}, and this program knows it up to version ${known}`,
    {
      path: file,
      hint: 'Run the newer version again; or put back the backup from before the upgrade. The file is as it was.',
    },
  );
}
