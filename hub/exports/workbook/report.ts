/**
 * One site and Jalali month as the sheets read it. Everything read is remembered by its input hash, so that the report
 * can say which figures it is made of: equal figures give an equal hash, in both languages.
 */
import { createHash } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../../protocols/sample.ts';
import { type Flag, flags } from '../../kpi/flags.ts';
import type { KpiDefinition } from '../../kpi/kpi.ts';
import { plantAssets } from '../../plant/assets.ts';
import type { Bucket, Granularity } from '../../plant/grid.ts';
import {
  bothCalendars,
  gregorianDate,
  type Language,
  monthName,
  persianDigits,
  timeOfDay,
} from '../../plant/local-time.ts';
import type { Plant } from '../../plant/plant.ts';
import type { RestatedFigure } from '../../reports/report.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { turns } from '../../rollup/values/turns.ts';
import { previousMonth, type Range } from '../request.ts';
import type { FigureSource } from '../source.ts';
import type { Explained } from './explained-stops.ts';
import type { Column, Kind, SheetCell } from './sheet.ts';
import { words } from './words.ts';

/** Values that are computed in one turn. */
const atOnce = 500;

export interface Asked {
  readonly granularity: Granularity;
  readonly kpis: readonly string[];
  readonly assets?: readonly string[];
  /** The month, where nothing is said. */
  readonly range?: Range;
}

export interface Report {
  readonly plant: Plant;
  readonly language: Language;
  readonly month: Bucket;
  readonly previous: Bucket;
  readonly definitions: readonly KpiDefinition[];
  readonly note: string | undefined;
  /** Figures that were issued and then restated, oldest first. */
  readonly issuedAnew: readonly RestatedFigure[];
  /** Why units stood. */
  readonly explained: Explained;
  /** Of buckets that begin in the range, ascending by start, asset and KPI; part by part, so that nobody waits for all. */
  values(asked: Asked): Promise<readonly RolledValue[]>;
  /** Of everything that was read so far. */
  seen(): { readonly hash: string; readonly allClosed: boolean; readonly restated: readonly RolledValue[] };
  /** What values were before they were computed last, by the value; of some only, where that was at too many times. */
  before(values: readonly RolledValue[]): Promise<ReadonlyMap<RolledValue, number | null>>;
  /** An integer in the digits of the language. */
  number(value: number): string;
  /** The time of day. */
  clock(time: TimeUs): string;
  /** A time in the Jalali calendar alone, as it stands within a sentence. */
  moment(time: TimeUs): string;
  /** A time in both calendars. */
  time(time: TimeUs): string;
  word(of: { readonly en: string; readonly fa: string }): string;
  assetName(path: string): string;
  /** Below the site, which the cover names. */
  pathInSite(path: string): string;
  kpiName(id: string): string;
  /** What the flags of a value say, in one cell. */
  flagWords(flags: readonly string[]): string;
  /** The Gregorian and the Jalali date of a bucket, as cells. */
  dates(value: { readonly bucket: Bucket }): readonly [Date, string];
  jalali(text: string): string;
  monthName(bucket: Bucket): string;
  column(word: keyof typeof words, kind: Kind, width: number): Column;
  /** Of a chart of a sheet whose second column is the Jalali date: its title, and what names its points. */
  byDay(
    what: { readonly en: string; readonly fa: string },
    asset: string,
  ): { readonly title: string; readonly labels: number; readonly labelsName: string };
}

export function createReport(options: {
  readonly source: FigureSource;
  readonly plant: Plant;
  readonly language: Language;
  readonly month: Bucket;
  readonly note: string | undefined;
  readonly restated?: readonly RestatedFigure[] | undefined;
  readonly explained: Explained;
}): Report {
  const { source, plant, language, month, note, explained, restated: issuedAnew = [] } = options;
  const names = new Map(plantAssets([plant]).map(({ path, name }) => [path, name]));
  const definitions = source.definitions();
  const paths = [...names.keys()];
  const read = new Map<string, RolledValue>();
  const inDigits = (text: string) => (language === 'fa' ? persianDigits(text) : text);
  const jalali = (text: string) => (language === 'fa' ? inDigits(text.replaceAll('-', '/')) : text);
  return {
    ...{ plant, language, month, note, explained, definitions, jalali, issuedAnew },
    previous: previousMonth(plant, month),
    async values({ granularity, kpis, assets = paths, range = { from: month.start, to: month.end } }) {
      const found: RolledValue[] = [];
      for (const turn of turns(granularity, range, assets.length * kpis.length, atOnce)) {
        for (const value of source.rolled({ granularity, kpis, assets, ...turn })) {
          if (value.start < turn.from || turn.to <= value.start) continue;
          read.set([value.kpi, value.asset, granularity, value.start].join(' '), value);
          found.push(value);
        }
        await breathe();
      }
      return found;
    },
    seen() {
      const hash = createHash('sha256');
      for (const [key, { inputHash, status }] of [...read].sort(([a], [b]) => (a < b ? -1 : 1))) {
        hash.update(`${key} ${inputHash} ${status}\n`);
      }
      for (const [unit, byReason] of explained) {
        for (const [reason, { seconds }] of byReason) hash.update(`${unit} ${reason} ${seconds}\n`);
      }
      const values = [...read.values()];
      return {
        hash: hash.digest('hex'),
        // What somebody has assessed is a figure of every month, also of one that nothing is known of.
        allClosed:
          values.some(({ inputs }) => inputs.length > 0) &&
          values.every(({ state }) => state === 'closed' || state === 'frozen'),
        restated: values.filter(({ revision }) => revision > 1),
      };
    },
    before: (values) => valuesBefore(source, values),
    clock: (time) => inDigits(timeOfDay(plant.zone, time)),
    time: (time) => bothCalendars(plant.zone, time).replace(/^[^(]*/, jalali),
    moment: (time) => jalali(bothCalendars(plant.zone, time).replace(/ \(.*/, '')),
    word: (of) => of[language],
    number: (value) => inDigits(String(value)),
    pathInSite: (path) => (path === plant.path ? '—' : path.slice(plant.path.length + 1)),
    assetName: (path) => names.get(path)?.[language] ?? path,
    flagWords: (told) =>
      told.map((flag) => flags[flag as Flag]?.[language] ?? flag).join(language === 'fa' ? '؛ ' : '; '),
    kpiName: (id) => definitions.find((definition) => definition.id === id)?.name[language] ?? id,
    dates: ({ bucket }) => [gregorianDate(bucket.jalaliDate), jalali(bucket.jalaliDate)],
    monthName: ({ jalaliDate }) => inDigits(monthName(jalaliDate, language)),
    column: (word, kind, width) => ({ header: words[word][language], kind, width }),
    byDay: (what, asset) => ({
      ...{ title: `${what[language]} – ${names.get(asset)?.[language] ?? asset}`, labels: 1 },
      labelsName: words.jalali[language],
    }),
  };
}

/** As many as late data and corrections of a month have; each is a reading of its own. */
const mostTimes = 20;

async function valuesBefore(
  source: FigureSource,
  values: readonly RolledValue[],
): Promise<ReadonlyMap<RolledValue, number | null>> {
  const found = new Map<RolledValue, number | null>();
  const groups = [...Map.groupBy(values, ({ computedAt, bucket }) => `${computedAt} ${bucket.granularity}`).values()];
  const newest = groups.sort((a, b) => b[0]!.computedAt - a[0]!.computedAt).slice(0, mostTimes);
  for (const own of newest.flatMap((group) => [...Map.groupBy(group, ({ asset }) => asset).values()])) {
    const [{ asset, computedAt, bucket }] = own as [RolledValue, ...RolledValue[]];
    const starts = own.map(({ start }) => start);
    const then = source.rolled({
      granularity: bucket.granularity,
      ...{ kpis: [...new Set(own.map(({ kpi }) => kpi))], assets: [asset] },
      ...{ from: Math.min(...starts), to: Math.max(...starts) + 1, asOf: computedAt - 1 },
    });
    const keyOf = ({ kpi, start }: RolledValue) => `${kpi} ${start}`;
    const byKey = new Map(then.map((value) => [keyOf(value), value.value]));
    for (const value of own) {
      const before = byKey.get(keyOf(value));
      if (before !== undefined) found.set(value, before);
    }
    await breathe();
  }
  return found;
}

/** Ratios that are told as they are, not in percent. */
const plainRatios = new Set(['en.pf', 'en.eei']);

/** What comes in whole ones. */
const wholeUnits = new Set(['pieces', 'n', 'IRR']);

/** A value as a cell, in percent where that is how people tell it. */
export function valueCell({ kpi, unit }: Pick<RolledValue, 'kpi' | 'unit'>, value: number | null): SheetCell {
  if (unit === '1' && !plainRatios.has(kpi)) return { value, kind: kpi.startsWith('pl.delta_') ? 'points' : 'percent' };
  return { value, kind: wholeUnits.has(unit) && Number.isInteger(value) ? 'integer' : 'number' };
}

/** Those that are words; kWh and the like are the same in both languages. */
const persianUnits: Readonly<Record<string, string>> = {
  h: 'ساعت',
  min: 'دقیقه',
  s: 'ثانیه',
  pieces: 'عدد',
  'pieces/h': 'عدد در ساعت',
  own: 'واحد خود',
  n: 'بار',
  IRR: 'ریال',
  t: 'تن',
  'kWh/unit': 'kWh بر واحد',
  'kg/unit': 'kg بر واحد',
  'MJ/unit': 'MJ بر واحد',
};

export function unitWord({ kpi, unit }: Pick<RolledValue, 'kpi' | 'unit'>, language: Language): string {
  if (unit === '1') return plainRatios.has(kpi) ? '' : '%';
  return language === 'fa' ? (persianUnits[unit] ?? unit) : unit;
}

/** Values of several KPIs of one bucket and asset. */
export type Beside = ReadonlyMap<string, RolledValue>;

/** Values of several KPIs side by side: by asset, in the order that is asked for, one entry for each bucket. */
export function besideEachOther(
  values: readonly RolledValue[],
  assets: readonly string[],
): readonly { readonly asset: string; readonly beside: readonly Beside[] }[] {
  const byAsset = Map.groupBy(values, ({ asset }) => asset);
  return assets.flatMap((asset) => {
    const byStart = Map.groupBy(byAsset.get(asset) ?? [], ({ start }) => start);
    const beside = [...byStart.values()].map((own) => new Map(own.map((value) => [value.kpi, value])));
    return beside.length > 0 ? [{ asset, beside }] : [];
  });
}
