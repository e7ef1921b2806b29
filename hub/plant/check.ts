/**
 * What the schema of a single value cannot see: whether the parts of a plant file agree with each other.
 * Every issue carries the path into the document, so that it is told with line and column, and ends with what to do.
 */
import { needsMode } from './canonical-state.ts';
import type { PlantConfig } from './schema.ts';

export interface PlantIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const dayMin = 24 * 60;
const weekMin = 7 * dayMin;
const weekdayIndex = { sat: 0, sun: 1, mon: 2, tue: 3, wed: 4, thu: 5, fri: 6 } as const;

export const minutesOfDay = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Minutes from the start of a shift to its end; 24 h when both are the same time of day. */
export const shiftLengthMin = ({ start, end }: { start: string; end: string }): number =>
  ((minutesOfDay(end) - minutesOfDay(start) + 2 * dayMin - 1) % dayMin) + 1;

/** Where a stop lies, in minutes from the start of its shift. */
export function stopInShiftMin(shift: { start: string }, stop: { start: string; end: string }): [number, number] {
  const start = (minutesOfDay(stop.start) - minutesOfDay(shift.start) + dayMin) % dayMin;
  return [start, start + shiftLengthMin(stop)];
}

/** Every contradiction in a plant file; none is a plant that can be built. */
export function checkPlant(config: PlantConfig): PlantIssue[] {
  return [
    ...checkCoverage(config),
    ...checkShifts(config),
    ...checkAssets(config),
    ...checkProducts(config),
    ...checkOrders(config),
    ...checkMeters(config),
  ];
}

function checkCoverage({ coverage }: PlantConfig): PlantIssue[] {
  if (coverage.partial <= coverage.ok) return [];
  return [{ path: ['coverage', 'partial'], message: 'is above "ok"; give a smaller share' }];
}

function checkShifts({ shifts }: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const taken: { from: number; to: number; code: string }[] = [];
  for (const [index, shift] of shifts.entries()) {
    if (shifts.findIndex(({ code }) => code === shift.code) < index) {
      issues.push({ path: ['shifts', index, 'code'], message: `"${shift.code}" is there twice; give another code` });
    }
    for (const list of ['breaks', 'plannedStops'] as const) {
      for (const [stopIndex, stop] of shift[list].entries()) {
        const [, end] = stopInShiftMin(shift, stop);
        if (end <= shiftLengthMin(shift)) continue;
        issues.push({
          path: ['shifts', index, list, stopIndex],
          message: `${stop.start} to ${stop.end} is not inside the shift from ${shift.start} to ${shift.end}; move it`,
        });
      }
    }
    for (const weekday of new Set(shift.weekdays)) {
      const from = weekdayIndex[weekday] * dayMin + minutesOfDay(shift.start);
      const to = from + shiftLengthMin(shift);
      const other = taken.find((one) =>
        [-weekMin, 0, weekMin].some((turn) => one.from + turn < to && from < one.to + turn),
      );
      taken.push({ from, to, code: shift.code });
      if (!other) continue;
      issues.push({
        path: ['shifts', index],
        message: `overlaps the shift "${other.code}" on ${weekday}; change its times`,
      });
      break;
    }
  }
  return issues;
}

/** Paths of areas, lines and units below the site. */
function assetPaths(config: PlantConfig): { areas: string[]; lines: string[]; units: string[] } {
  const areas = config.areas.map(({ code }) => code);
  const lines = config.areas.flatMap((area) => area.lines.map(({ code }) => `${area.code}/${code}`));
  const units = config.areas.flatMap((area) =>
    area.lines.flatMap((line) => line.units.map(({ code }) => `${area.code}/${line.code}/${code}`)),
  );
  return { areas, lines, units };
}

function checkAssets(config: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const seen = new Set<string>();
  const claim = (assetPath: string, path: (string | number)[]) => {
    if (seen.has(assetPath)) issues.push({ path, message: `the path ${assetPath} is there twice; give another code` });
    seen.add(assetPath);
  };
  for (const [areaIndex, area] of config.areas.entries()) {
    const areaAt = ['areas', areaIndex];
    claim(area.code, [...areaAt, 'code']);
    for (const [lineIndex, line] of area.lines.entries()) {
      const lineAt = [...areaAt, 'lines', lineIndex];
      claim(`${area.code}/${line.code}`, [...lineAt, 'code']);
      for (const [unitIndex, unit] of line.units.entries()) {
        const unitAt = [...lineAt, 'units', unitIndex];
        claim(`${area.code}/${line.code}/${unit.code}`, [...unitAt, 'code']);
        const map = config.stateMaps[unit.stateMap];
        if (!map) {
          const known = Object.keys(config.stateMaps).join(', ') || 'none';
          issues.push({
            path: [...unitAt, 'stateMap'],
            message: `"${unit.stateMap}" is no state map; known: ${known}`,
          });
        } else if (unit.tags.mode && !needsMode(map)) {
          issues.push({
            path: [...unitAt, 'tags', 'mode'],
            message: `the state map "${unit.stateMap}" has no modes; remove the tag or add modes`,
          });
        }
      }
    }
  }
  for (const [index, meter] of config.meters.entries()) claim(meter.path, ['meters', index, 'path']);
  return issues;
}

/** A date or wall time in full, so that texts sort by time. */
const inFull = (text: string): string => text + 'T00:00:00'.slice(text.length - 10);

function checkProducts(config: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const { units } = assetPaths(config);
  const taken: { unit: string; from: string; to: string; product: string }[] = [];
  for (const [productIndex, product] of config.products.entries()) {
    for (const [rateIndex, rate] of product.rates.entries()) {
      const path = ['products', productIndex, 'rates', rateIndex];
      if (!units.includes(rate.unit)) {
        issues.push({ path: [...path, 'unit'], message: `there is no unit ${rate.unit}; known: ${units.join(', ')}` });
      }
      const from = inFull(rate.from ?? '0000-01-01');
      const to = inFull(rate.to ?? '9999-12-31');
      if (to <= from) issues.push({ path: [...path, 'to'], message: 'is not after "from"; swap them' });
      const other = taken.find((one) => one.unit === rate.unit && one.from < to && from < one.to);
      if (other) {
        issues.push({
          path,
          message: `overlaps the rate of "${other.product}" on ${rate.unit}; set from and to so that one holds at a time`,
        });
      }
      taken.push({ unit: rate.unit, from, to, product: product.code });
    }
  }
  return issues;
}

function checkOrders(config: PlantConfig): PlantIssue[] {
  const { units } = assetPaths(config);
  return config.orders.flatMap((order, index) => {
    const path = ['orders', index];
    if (!units.includes(order.unit)) {
      return [{ path: [...path, 'unit'], message: `there is no unit ${order.unit}; known: ${units.join(', ')}` }];
    }
    if (inFull(order.to) <= inFull(order.from)) {
      return [{ path: [...path, 'to'], message: 'is not after "from"; swap them' }];
    }
    return [];
  });
}

function checkMeters(config: PlantConfig): PlantIssue[] {
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
