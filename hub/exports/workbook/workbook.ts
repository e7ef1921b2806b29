/** The monthly workbook of a site (kpi.md §5.6): sheet by sheet, others being served meanwhile. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Language } from '../../plant/local-time.ts';
import type { Plant } from '../../plant/plant.ts';
import type { RestatedFigure } from '../../reports/report.ts';
import { fileSafe } from '../file-names.ts';
import { ExportRefused, monthOf } from '../request.ts';
import type { ExportedFile, ExportSource, ExportTask, FigureSource } from '../source.ts';
import type { ReportVersions } from '../versions.ts';
import { writeFile } from '../write-file.ts';
import { chartsSheet } from './charts-sheet.ts';
import * as demand from './demand-sheets.ts';
import * as energy from './energy-sheets.ts';
import { explainedStops } from './explained-stops.ts';
import * as other from './other-sheets.ts';
import { pilotSheet } from './pilot-sheet.ts';
import * as production from './production-sheets.ts';
import { reasonSheet } from './reason-sheet.ts';
import { createReport, type Report } from './report.ts';
import type { Sheet } from './sheet.ts';
import { reportWords } from './words.ts';
import { writeWorkbook } from './write-xlsx.ts';

const builders: readonly ((report: Report) => Sheet | Promise<Sheet>)[] = [
  production.summarySheet,
  production.productionSheet,
  production.lossesSheet,
  production.downtimeSheet,
  reasonSheet,
  energy.energySheet,
  demand.demandSheet,
  demand.profileSheet,
  demand.curtailmentSheet,
  energy.enpiSheet,
  other.qualitySheet,
  other.scorecardSheet,
  pilotSheet,
  other.definitionsSheet,
  other.restatementsSheet,
];

export interface WorkbookOrder {
  readonly plant: Plant;
  /** Jalali, `1404-04`. */
  readonly month: string;
  readonly language: Language;
  readonly note?: string | undefined;
  readonly official: boolean;
  readonly preparer: string;
  /** Who issued it as official. */
  readonly approver?: string | undefined;
  /** What restatements have changed in figures that were issued. */
  readonly restated?: readonly RestatedFigure[];
  readonly madeAt: TimeUs;
  /** Of the figures with that hash. */
  version(hash: string): number;
}

export interface Workbook {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Of all sheets, without their headers. */
  readonly rows: number;
  readonly seen: ReturnType<Report['seen']>;
}

/** @throws {ExportRefused} no month; or it is official and was not issued */
export async function exportWorkbook(
  source: ExportSource,
  versions: ReportVersions,
  task: ExportTask,
): Promise<ExportedFile[]> {
  const { request, plant, dir, who, signal, progress } = task;
  const { language, note, official, month } = request;
  if (month === undefined) {
    throw new ExportRefused({
      en: 'a workbook is of a Jalali month: say "period": "1404-04"',
      fa: 'کارپوشه از یک ماه شمسی است: بگویید "period": "1404-04"',
    });
  }
  monthOf(plant, month);
  if (official) return [await copyIssued(source, task, month)];
  const order = { plant, month, language, note, official, preparer: who, madeAt: source.clock.now() };
  const made = await makeWorkbook(
    source,
    { ...order, version: (hash) => versions.of(plant.path, month, hash) },
    { signal, progress },
  );
  return [{ ...(await writeFile(dir, made.name, [made.bytes])), rows: made.rows }];
}

async function copyIssued(
  source: ExportSource,
  { plant, dir, request }: ExportTask,
  month: string,
): Promise<ExportedFile> {
  const path = source.issuedWorkbook(plant.path, month, request.language);
  if (path === undefined) {
    throw new ExportRefused({
      en: `${month} is not issued yet: "payesh-hub report issue" does it from the 5th of the next month 12:00 on`,
      fa: `گزارش ${month} هنوز صادر نشده است: از ساعت ۱۲ روز پنجم ماه بعد "payesh-hub report issue" آن را صادر می‌کند`,
    });
  }
  return { ...(await writeFile(dir, basename(path), createReadStream(path))), rows: null };
}

export async function makeWorkbook(
  source: FigureSource,
  order: WorkbookOrder,
  { signal, progress }: Pick<ExportTask, 'signal' | 'progress'>,
): Promise<Workbook> {
  const { plant, language, note, official, preparer, approver, restated, madeAt } = order;
  const month = monthOf(plant, order.month);
  const explained = await explainedStops(source, plant, month, signal);
  const report = createReport({ source, plant, language, month, note, explained, restated });
  const sheets: Sheet[] = [];
  for (const build of builders) {
    signal.throwIfAborted();
    sheets.push(await build(report));
    progress((0.8 * sheets.length) / builders.length, sheets.at(-1)!.name);
  }
  const seen = report.seen();
  const version = order.version(seen.hash);
  const cover = await other.coverSheet(report, { version, official, preparer, approver, madeAt });
  const empty = sheets.filter(({ rows }) => rows.length === 0);
  const [summary, ...others] = sheets as [Sheet, ...Sheet[]];
  const bytes = await writeWorkbook(
    [cover, summary, chartsSheet(report, sheets), ...others, other.notesSheet(report, empty)],
    {
      rightToLeft: language === 'fa',
      nothing: report.word(reportWords.nothing),
      heading: `${report.word(plant.name)} – ${report.monthName(month)}`,
    },
    signal,
  );
  const status = official ? 'official' : 'provisional';
  const name = `kpi_${fileSafe(plant.path)}_${order.month}_v${version}_${status}_${language}.xlsx`;
  return { name, bytes, rows: sheets.reduce((sum, { rows }) => sum + rows.length, 0), seen };
}
