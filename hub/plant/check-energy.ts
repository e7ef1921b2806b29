/** Whether meters, tariffs, contracts, limits, events, baselines and factors agree with each other. */
import type { Words } from '../words.ts';
import { minutesOfDay } from './check-calendar.ts';
import { assetPaths, checkKnown, checkOrder, checkOverlaps, oneAtATime, type PlantIssue } from './check-parts.ts';
import { checkContract } from './contract-billing.ts';
import type { PlantConfig } from './schema.ts';
import { weekdays } from './schema-parts.ts';

export function checkMeters(config: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const { areas, lines, units } = assetPaths(config);
  const assets = [...areas, ...lines, ...units];
  const parents = new Map(config.meters.map(({ path, parent }) => [path, parent]));
  for (const [index, meter] of config.meters.entries()) {
    for (const [measuredIndex, measured] of meter.measures.entries()) {
      issues.push(...checkKnown(measured, assets, 'area, line or unit', ['meters', index, 'measures', measuredIndex]));
    }
    if (meter.parent === undefined) continue;
    const path = ['meters', index, 'parent'];
    issues.push(...checkKnown(meter.parent, [...parents.keys()], 'meter', path));
    if (isBelowItself(meter.path, parents)) issues.push({ path, message: isUpstreamOfItself(meter.path) });
  }
  return issues;
}

const isUpstreamOfItself = (meter: string): Words => ({
  en: `${meter} is upstream of itself; remove one parent of the circle`,
  fa: `${meter} بالادست خودش است؛ یکی از «parent»های این حلقه را بردارید`,
});

function isBelowItself(meter: string, parents: ReadonlyMap<string, string | undefined>): boolean {
  let above = parents.get(meter);
  for (let steps = 0; above !== undefined && steps < parents.size; steps++) {
    if (above === meter) return true;
    above = parents.get(above);
  }
  return false;
}

/** Everything of the energy part that names a meter or is dated. */
export function checkEnergy(config: PlantConfig): PlantIssue[] {
  const { tariffs, contracts, limits, events, baselines, factors } = config;
  const meters = config.meters.map(({ path }) => path);
  const named = { contracts, limits, events, baselines };
  return [
    ...Object.entries(named).flatMap(([part, entries]) =>
      entries.flatMap((entry, index) => [
        ...checkKnown(entry.meter, meters, 'meter', [part, index, 'meter']),
        ...checkOrder(entry, [part, index]),
      ]),
    ),
    ...[tariffs, factors].flatMap((entries) =>
      entries.flatMap((entry, index) => checkOrder(entry, [entries === tariffs ? 'tariffs' : 'factors', index])),
    ),
    ...baselines.flatMap((baseline, index) => checkTerms(baseline, ['baselines', index, 'terms'])),
    ...contracts.flatMap((contract, index) => checkContract(contract, ['contracts', index])),
    ...checkOverlaps(
      contracts,
      ['contracts'],
      (a, b) => a.meter === b.meter,
      () => oneAtATime('another contract of its meter', 'قرارداد دیگری از همین کنتور'),
    ),
    ...checkOverlaps(
      baselines,
      ['baselines'],
      (a, b) => a.meter === b.meter,
      ({ code }) => endWhereThisBegins(`the baseline "${code}"`, `خط مبنای «${code}»`),
    ),
    ...checkOverlaps(
      factors,
      ['factors'],
      (a, b) => a.carrier === b.carrier && a.kind === b.kind,
      ({ source }) => endWhereThisBegins(`the factor of "${source}"`, `ضریب «${source}»`),
    ),
    ...checkOverlaps(
      tariffs,
      ['tariffs'],
      (a, b) => !a.meters || !b.meters || a.meters.some((meter) => b.meters!.includes(meter)),
      ({ code }) => oneAtATime(`the tariff "${code}"`, `تعرفهٔ «${code}»`),
    ),
    ...tariffs.flatMap((tariff, index) => [
      ...(tariff.meters ?? []).flatMap((meter, at) =>
        checkKnown(meter, meters, 'meter', ['tariffs', index, 'meters', at]),
      ),
      ...checkBands(tariff, ['tariffs', index, 'bands']),
    ]),
  ];
}

const endWhereThisBegins = (en: string, fa: string): Words => ({
  en: `overlaps ${en}; end that one where this one begins`,
  fa: `با ${fa} هم‌پوشانی دارد؛ آن را در آغاز این یکی پایان دهید`,
});

function checkTerms(
  { kind, terms }: PlantConfig['baselines'][number],
  path: readonly (string | number)[],
): PlantIssue[] {
  if (terms.some(({ above, below }) => above !== undefined && below !== undefined)) {
    const message = {
      en: 'a term has both above and below; make two terms of it',
      fa: 'جمله‌ای هم above دارد و هم below؛ آن را دو جمله کنید',
    };
    return [{ path, message }];
  }
  const bends = terms.some(({ above, below }) => above !== undefined || below !== undefined);
  if (bends === (kind === 'change_point') || kind === 'table') return [];
  const message = bends
    ? {
        en: 'a term has a change point; let kind be change_point',
        fa: 'جمله‌ای نقطهٔ تغییر دارد؛ kind را change_point کنید',
      }
    : { en: 'no term has a change point; let kind be linear', fa: 'هیچ جمله‌ای نقطهٔ تغییر ندارد؛ kind را linear کنید' };
  return [{ path, message }];
}

/** Every minute of every day of the year has one band: found by counting, month by month. */
function checkBands({ bands }: PlantConfig['tariffs'][number], path: readonly (string | number)[]): PlantIssue[] {
  for (let month = 1; month <= 12; month++) {
    for (const [day, weekday] of weekdays.entries()) {
      const before = weekdays.at(day - 1)!;
      const taken = new Array<string | undefined>(24 * 60).fill(undefined);
      for (const band of bands) {
        if (!inMonths(band.months, month)) continue;
        const [start, end] = [minutesOfDay(band.start), minutesOfDay(band.end)];
        const turnsOver = end <= start;
        const parts = [
          ...(band.weekdays.includes(weekday) ? [[start, turnsOver ? 24 * 60 : end]] : []),
          ...(turnsOver && band.weekdays.includes(before) ? [[0, end]] : []),
        ];
        for (const [from, to] of parts) {
          for (let minute = from!; minute < to!; minute++) {
            const other = taken[minute];
            if (other !== undefined) {
              return [{ path, message: bothHold([other, band.band], clock(minute), weekday, month) }];
            }
            taken[minute] = band.band;
          }
        }
      }
      const free = taken.indexOf(undefined);
      if (free >= 0) {
        return [{ path, message: noneHolds(clock(free), weekday, month) }];
      }
    }
  }
  return [];
}

const bothHold = ([one, other]: readonly [string, string], time: string, weekday: string, month: number): Words => ({
  en: `${one} and ${other} both hold at ${time} on ${weekday} in month ${month}; let one end where the other begins`,
  fa: `${one} و ${other} هر دو در ساعت ${time} روز ${weekday} ماه ${month} معتبرند؛ یکی را در آغاز دیگری پایان دهید`,
});

const noneHolds = (time: string, weekday: string, month: number): Words => ({
  en: `no band holds at ${time} on ${weekday} in month ${month}; add one`,
  fa: `در ساعت ${time} روز ${weekday} ماه ${month} هیچ باندی معتبر نیست؛ یکی بیفزایید`,
});

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

function inMonths(months: readonly [number, number] | undefined, month: number): boolean {
  if (!months) return true;
  const [first, last] = months;
  return first <= last ? first <= month && month <= last : month >= first || month <= last;
}
