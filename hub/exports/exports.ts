/** The hub's exports put together: jobs on disk, the key that signs, and which template is made by what. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Plant } from '../plant/plant.ts';
import { type ExportJobs, type JobsOptions, openExportJobs } from './jobs.ts';
import { exportPackage } from './package.ts';
import { openSigningKey, type SigningKey } from './signing-key.ts';
import type { ExportedFile, ExportSource, ExportTask } from './source.ts';
import { exportTable } from './table.ts';
import { createTableWriter, scratchPrefix, type WriteTable } from './table-file.ts';
import { openReportVersions } from './versions.ts';
import { exportWorkbook } from './workbook/workbook.ts';

export interface Exports {
  readonly jobs: ExportJobs;
  readonly key: SigningKey;
  /** What can be exported. */
  plants(): readonly Plant[];
  /** What is small enough for an answer. */
  readonly writeTable: WriteTable;
}

export function openExports({
  source,
  dir,
  ...rest
}: Omit<JobsOptions, 'make' | 'plants'> & { readonly source: ExportSource }): Exports {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(dir)) if (name.startsWith(scratchPrefix)) rmSync(join(dir, name), { recursive: true });
  const versions = openReportVersions(join(dir, 'versions.json'));
  const key = openSigningKey(join(dir, 'signing-key.pem'));
  const make = (task: ExportTask): Promise<ExportedFile[]> => {
    switch (task.request.template) {
      case 'workbook':
        return exportWorkbook(source, versions, task);
      case 'package':
        return exportPackage(source, versions, key, task);
      default:
        return exportTable(source, task);
    }
  };
  return {
    jobs: openExportJobs({ ...rest, dir, plants: source.plants, make }),
    key,
    plants: source.plants,
    writeTable: createTableWriter(dir, source),
  };
}
