/** What an export is asked for, and the time it means at a site. */
import type { TimeUs } from '../../protocols/sample.ts';
import { type Bucket, buckets, type Granularity, snapped } from '../plant/grid.ts';
import { jalaliToDay } from '../plant/jalali.ts';
import type { Language } from '../plant/local-time.ts';
import type { Plant } from '../plant/plant.ts';
import { dayUs, fromLocal } from '../plant/zone.ts';
import type { Words } from '../words.ts';

export const templates = ['kpi', 'samples', 'workbook', 'package'] as const;
export type Template = (typeof templates)[number];
export const formats = ['csv', 'parquet', 'xlsx', 'zip'] as const;
export type ExportFormat = (typeof formats)[number];

/** The first one is usual. */
export const formatsOf: Readonly<Record<Template, readonly ExportFormat[]>> = {
  kpi: ['csv', 'parquet'],
  samples: ['parquet', 'csv'],
  workbook: ['xlsx'],
  package: ['zip'],
};

export interface ExportRequest {
  readonly template: Template;
  readonly format: ExportFormat;
  readonly site: string;
  readonly language: Language;
  /** A Jalali month `1404-04`; else `from` and `to`. */
  readonly month?: string | undefined;
  readonly from?: TimeUs | undefined;
  readonly to?: TimeUs | undefined;
  /** Of KPI values. */
  readonly granularity: Granularity;
  readonly kpis?: readonly string[] | undefined;
  /** Full paths of assets, or of tags for samples; all of the site where none are named. */
  readonly paths?: readonly string[] | undefined;
  /** CSV begins with a byte order mark. */
  readonly bom: boolean;
  /** As the month's official report was issued. */
  readonly official: boolean;
  /** For the notes sheet. */
  readonly note?: string | undefined;
}

/** An export that cannot be made as it was asked for; it says what to do, in both languages. */
export class ExportRefused extends Error {
  override readonly name = 'ExportRefused';
  readonly said: Words;
  constructor(said: Words, options?: ErrorOptions) {
    super(said.en, options);
    this.said = said;
  }
}

const monthPattern = /^(\d{4})-(\d{2})$/;

/** The bucket of a Jalali month. @throws {ExportRefused} no such month */
export function monthOf(plant: Plant, text: string): Bucket {
  const [, year, month] = monthPattern.exec(text) ?? [];
  try {
    const day = jalaliToDay({ year: Number(year), month: Number(month), day: 15 });
    const noon = fromLocal(plant.zone, day * dayUs + dayUs / 2);
    return buckets(plant, 'month', noon, noon + 1)[0]!;
  } catch (cause) {
    const said = {
      en: `"${text}" is no Jalali month: write it like 1404-04`,
      fa: `«${text}» ماه شمسی نیست: مانند 1404-04 بنویسید`,
    };
    throw new ExportRefused(said, { cause });
  }
}

export const previousMonth = (plant: Plant, { start }: Bucket): Bucket => buckets(plant, 'month', start - 1, start)[0]!;

/** Half-open; whole buckets where it was not a month. @throws {ExportRefused} neither a month nor a range, or an empty one */
export function rangeOf(plant: Plant, { month, from, to, granularity, template }: ExportRequest): Range {
  if (month !== undefined) {
    const { start, end } = monthOf(plant, month);
    return { from: start, to: end };
  }
  if (from === undefined || to === undefined) throw new ExportRefused(refusals.noTime);
  if (from >= to) throw new ExportRefused(refusals.empty);
  if (to - from > maxDays * dayUs) throw new ExportRefused(refusals.long);
  if (template === 'samples') return { from, to };
  const whole = snapped(plant, granularity, { start: from, end: to });
  return { from: whole.start, to: whole.end };
}

const maxDays = 400;

const refusals = {
  noTime: { en: 'say a month, or both "from" and "to"', fa: 'یک ماه یا هر دو "from" و "to" را بگویید' },
  empty: { en: '"from" must be before "to"', fa: '"from" باید پیش از "to" باشد' },
  long: { en: `at most ${maxDays} days at once: ask in parts`, fa: `هر بار حداکثر ${maxDays} روز: بخش‌بخش بخواهید` },
} satisfies Record<string, Words>;

export interface Range {
  readonly from: TimeUs;
  /** Not in it. */
  readonly to: TimeUs;
}
