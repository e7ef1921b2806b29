/**
 * The demo factory's own truth, as sums over a window. It reads the truth log alone and shares no code with the hub,
 * whose figures it is there to check.
 */
import { readFileSync } from 'node:fs';

type Line = { type: string; t: number; plant: string } & Record<string, unknown>;

export interface UnitTruth {
  /** Pieces in the window. */
  readonly total: number;
  readonly good: number;
  /** Seconds of each canonical state within planned busy time. */
  readonly busySeconds: Readonly<Record<string, number>>;
  readonly plannedBusySeconds: number;
  readonly stateChanges: number;
  readonly plannedRunTimeS: number;
}

export interface Truth {
  /** Full paths of units and meters. */
  unit(path: string): UnitTruth;
  kwh(meter: string): number;
  gasM3(meter: string): number;
  readonly units: readonly string[];
  readonly meters: readonly string[];
  /** What happened in the window, by kind. */
  readonly events: Readonly<Record<string, number>>;
}

export function readTruth(file: string, from: number, to: number): Truth {
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const header = lines[0] as unknown as { units: { plant: string; unit: string; plannedRunTimeS: number }[] };
  const of = (type: string) => lines.filter((line) => line.type === type);
  const states = of('state');
  const pieces = of('piece').filter(({ t }) => t >= from && t < to);
  const units = header.units.map(({ plant, unit }) => `${plant}/${unit}`);
  const meters = [...new Set(of('energy').map(({ plant, meter }) => `${plant}/${meter}`))];

  /** Planned stops of a plant within the window, as the factory's own calendar told them. */
  const plannedStops = (plant: string): [number, number][] => {
    const told = of('calendar').filter((line) => line.plant === plant);
    return told.flatMap((line, i): [number, number][] =>
      line.plannedStop === null ? [] : [[line.t, told[i + 1]?.t ?? Number.POSITIVE_INFINITY]],
    );
  };
  const overlap = (a: number, b: number, [c, d]: readonly [number, number]) =>
    Math.max(0, Math.min(b, d) - Math.max(a, c));
  const busy = (a: number, b: number, stops: readonly [number, number][]) => {
    const length = overlap(a, b, [from, to]);
    if (length === 0) return 0;
    const [start, end] = [Math.max(a, from), Math.min(b, to)];
    return length - stops.reduce((sum, stop) => sum + overlap(start, end, stop), 0);
  };
  const register = (type: string, field: string) => (meter: string) => {
    const readings = of(type).filter((line) => `${line.plant}/${line.meter}` === meter);
    const at = (time: number) => {
      const after = readings.findIndex(({ t }) => t > time);
      const [a, b] = after < 1 ? readings.slice(-2) : [readings[after - 1], readings[after]];
      const [va, vb] = [a![field] as number, b![field] as number];
      return va + ((vb - va) * (time - a!.t)) / (b!.t - a!.t);
    };
    return at(to) - at(from);
  };

  return {
    units,
    meters,
    kwh: register('energy', 'kwh'),
    gasM3: register('gas', 'm3'),
    unit(path) {
      const unit = header.units.find((one) => `${one.plant}/${one.unit}` === path)!;
      const mine = ({ plant, unit: name }: Line) => `${plant}/${name}` === path;
      const stops = plannedStops(unit.plant);
      const busySeconds: Record<string, number> = {};
      const told = states.filter(mine);
      for (const [i, line] of told.entries()) {
        const seconds = busy(line.t, told[i + 1]?.t ?? Number.POSITIVE_INFINITY, stops) / 1e6;
        const canonical = line.canonical as string;
        busySeconds[canonical] = (busySeconds[canonical] ?? 0) + seconds;
      }
      const made = pieces.filter(mine);
      return {
        total: made.length,
        good: made.filter(({ good }) => good === true).length,
        busySeconds,
        plannedBusySeconds: busy(from, to, stops) / 1e6,
        stateChanges: told.filter(({ t }) => t >= from && t < to).length,
        plannedRunTimeS: unit.plannedRunTimeS,
      };
    },
    get events() {
      const counts: Record<string, number> = {};
      for (const line of lines) {
        if (line.t < from || line.t >= to) continue;
        const kind =
          line.type === 'state'
            ? String(line.canonical)
            : line.type === 'calendar'
              ? `calendar ${line.plannedStop ?? line.shift}`
              : line.type;
        counts[kind] = (counts[kind] ?? 0) + 1;
      }
      return counts;
    },
  };
}
