/** Whether meters, tariffs, contracts, limits, events, baselines and factors agree with each other. */
import { minutesOfDay } from './check-calendar.ts';
import { assetPaths, checkKnown, checkOrder, checkOverlaps, type PlantIssue } from './check-parts.ts';
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
      if (assets.includes(measured)) continue;
      issues.push({
        path: ['meters', index, 'measures', measuredIndex],
        message: `there is no area, line or unit ${measured}; known: ${assets.join(', ')}`,
      });
    }
    if (meter.parent === undefined) continue;
    const path = ['meters', index, 'parent'];
    if (!parents.has(meter.parent)) {
      issues.push({ path, message: `there is no meter ${meter.parent}; known: ${[...parents.keys()].join(', ')}` });
    } else if (isBelowItself(meter.path, parents)) {
      issues.push({ path, message: `${meter.path} is upstream of itself; remove one parent of the circle` });
    }
  }
  return issues;
}

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
      () => 'overlaps another contract of its meter; set from and to so that one holds at a time',
    ),
    ...checkOverlaps(
      baselines,
      ['baselines'],
      (a, b) => a.meter === b.meter,
      ({ code }) => `overlaps the baseline "${code}"; end that one where this one begins`,
    ),
    ...checkOverlaps(
      factors,
      ['factors'],
      (a, b) => a.carrier === b.carrier && a.kind === b.kind,
      ({ source }) => `overlaps the factor of "${source}"; end that one where this one begins`,
    ),
    ...checkOverlaps(
      tariffs,
      ['tariffs'],
      (a, b) => !a.meters || !b.meters || a.meters.some((meter) => b.meters!.includes(meter)),
      ({ code }) => `overlaps the tariff "${code}"; set from and to so that one holds at a time`,
    ),
    ...tariffs.flatMap((tariff, index) => [
      ...(tariff.meters ?? []).flatMap((meter, at) =>
        checkKnown(meter, meters, 'meter', ['tariffs', index, 'meters', at]),
      ),
      ...checkBands(tariff, ['tariffs', index, 'bands']),
    ]),
  ];
}

function checkTerms(
  { kind, terms }: PlantConfig['baselines'][number],
  path: readonly (string | number)[],
): PlantIssue[] {
  if (terms.some(({ above, below }) => above !== undefined && below !== undefined)) {
    return [{ path, message: 'a term has both above and below; make two terms of it' }];
  }
  const bends = terms.some(({ above, below }) => above !== undefined || below !== undefined);
  if (bends === (kind === 'change_point') || kind === 'table') return [];
  return [
    {
      path,
      message: `${bends ? 'a' : 'no'} term has a change point; let kind be ${bends ? 'change_point' : 'linear'}`,
    },
  ];
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
            if (taken[minute] !== undefined) {
              const message = `${taken[minute]} and ${band.band} both hold at ${clock(minute)} on ${weekday} in month ${month}; let one end where the other begins`;
              return [{ path, message }];
            }
            taken[minute] = band.band;
          }
        }
      }
      const free = taken.indexOf(undefined);
      if (free >= 0) {
        return [{ path, message: `no band holds at ${clock(free)} on ${weekday} in month ${month}; add one` }];
      }
    }
  }
  return [];
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

function inMonths(months: readonly [number, number] | undefined, month: number): boolean {
  if (!months) return true;
  const [first, last] = months;
  return first <= last ? first <= month && month <= last : month >= first || month <= last;
}
