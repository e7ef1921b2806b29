/**
 * Reports as they are issued, restated and read again. A month freezes with its report: what comes later is stored and
 * computed beside it, and changes nothing that was issued until an approver says so.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { fileSafe } from '../exports/file-names.ts';
import { ExportRefused, monthOf } from '../exports/request.ts';
import type { FigureSource } from '../exports/source.ts';
import { makeWorkbook } from '../exports/workbook/workbook.ts';
import { describeFile, writeFile } from '../exports/write-file.ts';
import { type Bucket, buckets } from '../plant/grid.ts';
import type { Language } from '../plant/local-time.ts';
import type { Plant } from '../plant/plant.ts';
import { hourUs } from '../plant/zone.ts';
import type { RolledRequest, RolledValue } from '../rollup/values/rolled-values.ts';
import { syncFolder } from '../store/sync-folder.ts';
import { differences, differencesOf } from './differences.ts';
import { dueMonth, freezeTime, type ReportPolicy } from './due.ts';
import {
  type OfficialValues,
  officialGranularities,
  openOfficialValues,
  writeOfficialValues,
} from './official-values.ts';
import { type IssuedReport, type ReportFile, ReportRefused, type RestatedFigure } from './report.ts';
import type { ReportLog } from './report-log.ts';

export interface By {
  readonly who: string;
  /** For the notes of its workbook. */
  readonly note?: string | undefined;
}

export interface Reports extends Pick<ReportLog, 'list' | 'get'> {
  /** @throws {ReportRefused} its time has not come, a figure is not closed, or it is issued already */
  issue(site: string, month: string, by: By): Promise<IssuedReport>;
  /** The next version, of what is known now. @throws {ReportRefused} nothing has changed, or nothing is issued */
  restate(site: string, month: string, by: By & { readonly why: string }): Promise<IssuedReport>;
  pathOf(report: IssuedReport, file: ReportFile): string;
  /** Where the newest version's workbook lies; undefined where none is issued. */
  workbook(site: string, month: string, language: Language): string | undefined;
  /** What restatements up to a version have changed, oldest first. */
  restated(report: IssuedReport): readonly RestatedFigure[];
  /** Values of issued months only, as they were issued. @throws {RangeError} as `RolledValues.values`, or of weeks */
  official(request: RolledRequest): readonly RolledValue[];
  /** Issues what has become due, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ReportsOptions {
  readonly dir: string;
  readonly log: ReportLog;
  readonly source: FigureSource;
  readonly policy: ReportPolicy;
  /** The earliest time of which a site has samples of its own. */
  begun(site: string): TimeUs | undefined;
  readonly clock: Clock;
  readonly logger: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const languages: readonly Language[] = ['fa', 'en'];
const valuesName = 'values.db';
const lookEveryMs = 60_000;
/** A month that cannot be issued yet is tried again. */
const againAfterUs = hourUs;
const mostOpen = 8;

export function openReports(options: ReportsOptions): Reports {
  const { dir, log, source, policy, clock, logger } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const opened = new Map<number, OfficialValues>();
  let last: Promise<unknown> = Promise.resolve();

  const folder = ({ site, month, version }: Pick<IssuedReport, 'site' | 'month' | 'version'>) =>
    join(dir, fileSafe(site), month, `v${version}`);

  const valuesOf = (report: IssuedReport): OfficialValues => {
    const known = opened.get(report.id);
    if (known) return known;
    for (const [id, values] of opened) {
      if (opened.size < mostOpen) break;
      values[Symbol.dispose]();
      opened.delete(id);
    }
    const values = openOfficialValues(join(folder(report), valuesName));
    opened.set(report.id, values);
    return values;
  };

  const find = (site: string, month: string): { plant: Plant; bucket: Bucket } => {
    const plant = source.plants().find(({ path }) => path === site);
    if (!plant) {
      throw new ReportRefused({ en: `there is no plant model of ${site}`, fa: `برای ${site} مدل کارخانه‌ای نیست` });
    }
    try {
      return { plant, bucket: monthOf(plant, month) };
    } catch (error) {
      throw error instanceof ExportRefused ? new ReportRefused(error.said) : error;
    }
  };

  const make = async (
    { plant, bucket }: { plant: Plant; bucket: Bucket },
    month: string,
    { who, note, why }: By & { readonly why: string },
    signal: AbortSignal,
  ): Promise<IssuedReport> => {
    const before = log.inForce(plant.path, month);
    const version = (before?.version ?? 0) + 1;
    const now = clock.now();
    // Whatever is computed while the sheets are made is not in any of them.
    const then: FigureSource = { ...source, rolled: (request) => source.rolled({ ...request, asOf: now }) };
    const values: RolledValue[] = [];
    for (const granularity of officialGranularities) {
      // Part by part: others wait while figures are computed.
      for (const part of buckets(plant, granularity, bucket.start, bucket.end)) {
        values.push(...valuesIn(then, plant, part));
        await breathe();
      }
    }
    const fresh = before ? differences(valuesOf(before), values, { version, who, why, at: now }) : [];
    if (before && fresh.length === 0) {
      throw new ReportRefused({
        en: `no figure of ${month} has changed since version ${before.version}: it stands`,
        fa: `هیچ رقمی از ${month} پس از نسخهٔ ${before.version} تغییر نکرده است: همان معتبر است`,
      });
    }
    const restated = [...(before ? restatedBy(before) : []), ...fresh];
    const target = folder({ site: plant.path, month, version });
    const work = `${target}.new`;
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true, mode: 0o700 });
    const files: ReportFile[] = [];
    let figuresHash = '';
    for (const language of languages) {
      const approver = who === ofItself ? undefined : who;
      const order = { plant, month, language, note, official: true, preparer: who, approver, restated, madeAt: now };
      const made = await makeWorkbook(then, { ...order, version: () => version }, { signal, progress() {} });
      if (!made.seen.allClosed) {
        throw new ReportRefused({
          en: 'some figures of the month are not closed yet: a source still owes data',
          fa: 'برخی رقم‌های این ماه هنوز بسته نشده‌اند: دادهٔ یک منبع هنوز نرسیده است',
        });
      }
      figuresHash = made.seen.hash;
      files.push({ ...(await writeFile(work, made.name, [made.bytes])), language });
    }
    writeOfficialValues(join(work, valuesName), values);
    const { sha256: valuesSha256 } = await describeFile(join(work, valuesName));
    await syncFolder(work);
    // A crash before the report is noted leaves a folder that nobody knows.
    rmSync(target, { recursive: true, force: true });
    renameSync(work, target);
    await syncFolder(join(target, '..'));
    const { start, end } = bucket;
    const facts = { site: plant.path, month, start, end, version, issuedAt: clock.now(), asOf: now, who, why };
    return log.append({ ...facts, figuresHash, plantVersion: plant.version, files, valuesSha256 });
  };

  const restatedBy = (report: IssuedReport): RestatedFigure[] => {
    const versions = log
      .list({ site: report.site, month: report.month })
      .filter(({ version }) => version <= report.version)
      .sort((a, b) => a.version - b.version);
    return versions.slice(1).flatMap(({ version, who, why, issuedAt: at, ...one }, index) => {
      const after = [...valuesOf({ ...one, version, who, why, issuedAt: at }).each()];
      const asValues = after.map(({ value, ...key }) => ({ ...key, ...value }));
      return differencesOf(valuesOf(versions[index]!), asValues, { version, who, why, at });
    });
  };

  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work);
    last = next.catch(() => {});
    return next;
  };

  const never = new AbortController().signal;
  const issue = (site: string, month: string, by: By, signal = never) =>
    alone(async () => {
      const found = find(site, month);
      const known = log.inForce(site, month);
      if (known)
        throw new ReportRefused({
          en: `${month} is issued already, as version ${known.version}: only an approver restates it`,
          fa: `گزارش ${month} با نسخهٔ ${known.version} صادر شده است: تنها تأییدکننده آن را اصلاح می‌کند`,
        });
      const from = freezeTime(policy, found.plant, found.bucket);
      if (clock.now() < from) {
        const at = new Date(from / 1000).toISOString();
        throw new ReportRefused({
          en: `${month} becomes official at ${at}: issue it then`,
          fa: `گزارش ${month} در ${at} رسمی می‌شود: آن‌گاه صادر کنید`,
        });
      }
      return make(found, month, { ...by, why: '' }, signal);
    });

  return {
    list: log.list,
    get: log.get,
    issue: (site, month, by) => issue(site, month, by),
    restate: (site, month, by) =>
      alone(async () => {
        const found = find(site, month);
        if (!log.inForce(site, month)) {
          throw new ReportRefused({
            en: `${month} is not issued: there is nothing to restate`,
            fa: `گزارش ${month} صادر نشده است: چیزی برای اصلاح نیست`,
          });
        }
        return make(found, month, by, never);
      }),
    pathOf: (report, { name }) => join(folder(report), name),
    workbook(site, month, language) {
      const report = log.inForce(site, month);
      const file = report?.files.find((one) => one.language === language);
      return report && file && join(folder(report), file.name);
    },
    restated: restatedBy,
    official(request) {
      const { granularity, from, to, asOf } = request;
      if (granularity === 'week' || granularity === 'gregorian_month') {
        throw new RangeError('official figures are of hours, shifts, days and Jalali months');
      }
      return source.plants().flatMap((plant) =>
        log.touching(plant.path, from, to, asOf).flatMap((report) => {
          const range = { from: Math.max(from, report.start), to: Math.min(to, report.end) };
          const official = valuesOf(report);
          return source
            .rolled({ ...request, ...range, asOf: report.asOf })
            .filter(({ asset, start }) => isOf(asset, plant) && report.start <= start && start < report.end)
            .map((value): RolledValue => {
              const key = { kpi: value.kpi, asset: value.asset, granularity, start: value.start };
              const { jalaliDate: _, ...issued } = official.get(key) ?? { jalaliDate: '' };
              return { ...value, ...issued, state: 'frozen', report: { id: report.id, version: report.version } };
            });
        }),
      );
    },
    async run(signal) {
      const notBefore = new Map<string, TimeUs>();
      while (!signal.aborted && policy.issue === 'auto') {
        for (const plant of source.plants()) {
          const now = clock.now();
          if (now < (notBefore.get(plant.path) ?? 0)) continue;
          const month = dueMonth(policy, plant, options.begun(plant.path), now);
          if (month === undefined || log.inForce(plant.path, month)) continue;
          try {
            const report = await issue(plant.path, month, { who: ofItself }, signal);
            logger.info({ site: plant.path, month, report: report.id }, 'the official report of a month is issued');
          } catch (error) {
            if (signal.aborted) return;
            if (!(error instanceof ReportRefused)) throw error;
            logger.warn({ site: plant.path, month, why: error.message }, 'a report is due and cannot be issued yet');
            notBefore.set(plant.path, now + againAfterUs);
          }
        }
        await clock.sleep(lookEveryMs, signal).catch(() => {});
      }
    },
  };
}

/** Who issues when the time has come. */
const ofItself = 'hub';

const isOf = (asset: string, { path }: Plant): boolean => asset === path || asset.startsWith(`${path}/`);

function valuesIn(source: FigureSource, plant: Plant, { granularity, start, end }: Bucket): RolledValue[] {
  return source
    .rolled({ granularity, from: start, to: end })
    .filter((value) => isOf(value.asset, plant) && start <= value.start && value.start < end);
}
