/** The monthly workbook of a site (kpi.md §5.6): sheet by sheet, the event loop free between them. */
import { setImmediate as breathe } from 'node:timers/promises';
import { fileSafe } from '../file-names.ts';
import { ExportRefused, monthOf } from '../request.ts';
import type { ExportedFile, ExportSource, ExportTask } from '../source.ts';
import type { ReportVersions } from '../versions.ts';
import { writeFile } from '../write-file.ts';
import * as energy from './energy-sheets.ts';
import { freezeTime } from './freeze.ts';
import * as other from './other-sheets.ts';
import * as production from './production-sheets.ts';
import { createReport, type Report } from './report.ts';
import type { Sheet } from './sheet.ts';
import { reportWords } from './words.ts';
import { writeWorkbook } from './write-xlsx.ts';

const builders: readonly ((report: Report) => Sheet)[] = [
  production.summarySheet,
  production.productionSheet,
  production.lossesSheet,
  production.downtimeSheet,
  energy.energySheet,
  energy.demandSheet,
  energy.profileSheet,
  energy.curtailmentSheet,
  energy.enpiSheet,
  other.qualitySheet,
  other.scorecardSheet,
  other.definitionsSheet,
  other.restatementsSheet,
];

/** @throws {ExportRefused} no month, or it cannot be official yet */
export async function exportWorkbook(
  source: ExportSource,
  versions: ReportVersions,
  task: ExportTask,
): Promise<ExportedFile[]> {
  const { request, plant, dir, who, signal, progress } = task;
  const { language, note, official } = request;
  if (request.month === undefined) throw new ExportRefused('a workbook is of a Jalali month: say "period": "1404-04"');
  const month = monthOf(plant, request.month);
  const report = createReport({ source, plant, language, month, note });
  const sheets: Sheet[] = [];
  for (const build of builders) {
    signal.throwIfAborted();
    sheets.push(build(report));
    progress((0.8 * sheets.length) / builders.length, sheets.at(-1)!.name);
    await breathe();
  }
  const now = source.clock.now();
  if (official && now < freezeTime(plant, month)) {
    throw new ExportRefused(
      'a month becomes official on the 5th of the next one at 12:00: ask without "official" until then',
    );
  }
  const seen = report.seen();
  if (official && !seen.allClosed) {
    throw new ExportRefused(
      'some figures of the month are not closed yet: a source still owes data, see the state column',
    );
  }
  const version = versions.of(plant.path, request.month, seen.hash);
  const approver = official ? who : undefined;
  const cover = other.coverSheet(report, { version, official, preparer: who, approver, madeAt: now });
  const empty = sheets.filter(({ rows }) => rows.length === 0).map(({ name }) => name);
  const bytes = await writeWorkbook([cover, ...sheets, other.notesSheet(report, empty)], {
    rightToLeft: language === 'fa',
    nothing: report.word(reportWords.nothing),
  });
  const status = official ? 'official' : 'provisional';
  const name = `kpi_${fileSafe(plant.path)}_${request.month}_v${version}_${status}_${language}.xlsx`;
  const file = await writeFile(dir, name, [bytes]);
  return [{ ...file, rows: sheets.reduce((sum, { rows }) => sum + rows.length, 0) }];
}
