/**
 * Numbers the reports of a site and month: 1, 2, … by the hash of their figures. The same figures are the same version
 * whoever asks, in whichever language; other figures are the next one.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface ReportVersions {
  /** From 1. */
  of(site: string, month: string, hash: string): number;
}

export function openReportVersions(file: string): ReportVersions {
  const known: Record<string, string[]> = read(file);
  return {
    of(site, month, hash) {
      const key = `${site} ${month}`;
      const hashes = known[key] ?? [];
      const found = hashes.indexOf(hash);
      if (found >= 0) return found + 1;
      known[key] = [...hashes, hash];
      writeFileSync(`${file}.new`, JSON.stringify(known), { mode: 0o600 });
      renameSync(`${file}.new`, file);
      return hashes.length + 1;
    },
  };
}

function read(file: string): Record<string, string[]> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
