/** The hub's exports put together: jobs on disk, and which template is made by what. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ExportJobs, type JobsOptions, openExportJobs } from './jobs.ts';
import type { ExportSource } from './source.ts';
import { exportTable } from './table.ts';
import { openReportVersions } from './versions.ts';
import { exportWorkbook } from './workbook/workbook.ts';

export function openExports({
  source,
  dir,
  ...rest
}: Omit<JobsOptions, 'make' | 'plants'> & { readonly source: ExportSource }): ExportJobs {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const versions = openReportVersions(join(dir, 'versions.json'));
  return openExportJobs({
    ...rest,
    dir,
    plants: source.plants,
    make: (task) =>
      task.request.template === 'workbook' ? exportWorkbook(source, versions, task) : exportTable(source, task),
  });
}
