/**
 * The plant model: one site with its calendar, assets and meters, built from a plant file. All paths are full ones,
 * all times µs UTC. ISA-95: site → area → line (work centre) → unit (work unit).
 */
import { createHash } from 'node:crypto';
import type { TimeUs } from '../../protocols/sample.ts';
import { needsMode, type StateMap } from './canonical-state.ts';
import { minutesOfDay } from './check.ts';
import type { PlantConfig } from './schema.ts';
import { type Spans, union } from './spans.ts';
import { fromLocal, minuteUs } from './zone.ts';

export interface Name {
  readonly en: string;
  readonly fa: string;
}

/** PRI (ISO 22400-2) of the product that is made in [from, to). */
export interface Rate {
  readonly product: string;
  readonly plannedRunTimeS: number;
  readonly from: TimeUs;
  readonly to: TimeUs;
}

export interface Unit {
  readonly path: string;
  readonly name: Name;
  readonly stateMap: StateMap;
  /** Full tag paths; absent where the machine has none. */
  readonly tags: {
    readonly state: string;
    readonly mode?: string;
    readonly countTotal?: string;
    readonly countGood?: string;
    readonly countScrap?: string;
  };
  /** Ascending, none overlaps. */
  readonly rates: readonly Rate[];
  /** When an order was at the unit; undefined is always. */
  readonly orders: Spans | undefined;
}

export interface Line {
  readonly path: string;
  readonly name: Name;
  readonly units: readonly Unit[];
}

export interface Area {
  readonly path: string;
  readonly name: Name;
  readonly lines: readonly Line[];
}

export interface Meter {
  readonly path: string;
  readonly name: Name;
  readonly carrier: PlantConfig['meters'][number]['carrier'];
  /** What its scaled register counts. */
  readonly unit: string;
  readonly register: string;
  readonly power: string | undefined;
  readonly demandIntervalUs: number;
  readonly parent: string | undefined;
  /** Paths of the assets that it measures. */
  readonly measures: readonly string[];
}

export type Shift = PlantConfig['shifts'][number];

export interface Plant {
  /** Path of the site. */
  readonly path: string;
  readonly name: Name;
  readonly zone: string;
  readonly businessDayStartMin: number;
  readonly coverage: PlantConfig['coverage'];
  readonly counterJitter: PlantConfig['counterJitter'];
  readonly curtailmentCountsAs: PlantConfig['curtailmentCountsAs'];
  readonly shifts: readonly Shift[];
  readonly areas: readonly Area[];
  readonly lines: readonly Line[];
  readonly units: readonly Unit[];
  readonly meters: readonly Meter[];
  /** Hash of everything that the file says: two plants of one version give the same values from the same samples. */
  readonly version: string;
}

/** Of a file that `plantSchema` has accepted. */
export function buildPlant(config: PlantConfig): Plant {
  const full = (path: string): string => `${config.site}/${path}`;
  const areas = config.areas.map((area) => ({
    path: full(area.code),
    name: area.name,
    lines: area.lines.map((line) => ({
      path: full(`${area.code}/${line.code}`),
      name: line.name,
      units: line.units.map((unit) => buildUnit(config, `${area.code}/${line.code}/${unit.code}`, unit)),
    })),
  }));
  const lines = areas.flatMap((area) => area.lines);
  return {
    path: config.site,
    name: config.name,
    zone: config.zone,
    businessDayStartMin: minutesOfDay(config.businessDayStart),
    coverage: config.coverage,
    counterJitter: config.counterJitter,
    curtailmentCountsAs: config.curtailmentCountsAs,
    shifts: config.shifts,
    areas,
    lines,
    units: lines.flatMap((line) => line.units),
    meters: config.meters.map((meter) => ({
      path: full(meter.path),
      name: meter.name,
      carrier: meter.carrier,
      unit: meter.unit ?? (meter.carrier === 'electricity' ? 'kWh' : 'm³'),
      register: full(meter.tags.register ?? `${meter.path}/${meter.carrier === 'electricity' ? 'kwh' : 'pulses'}`),
      power: powerTag(meter, full),
      demandIntervalUs: meter.demandIntervalMin * minuteUs,
      parent: meter.parent === undefined ? undefined : full(meter.parent),
      measures: meter.measures.length > 0 ? meter.measures.map(full) : [config.site],
    })),
    version: createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16),
  };
}

function powerTag(
  { carrier, path, tags }: PlantConfig['meters'][number],
  full: (path: string) => string,
): string | undefined {
  if (tags.power) return full(tags.power);
  return tags.power === undefined && carrier === 'electricity' ? full(`${path}/power`) : undefined;
}

type UnitConfig = PlantConfig['areas'][number]['lines'][number]['units'][number];

function buildUnit(config: PlantConfig, path: string, { name, stateMap, tags }: UnitConfig): Unit {
  const full = (tag: string): string => `${config.site}/${tag}`;
  const counter = (tag: string | false | undefined, usual: string) =>
    tag === false ? undefined : full(tag ?? `${path}/${usual}`);
  const time = (text: string | undefined, open: number): TimeUs =>
    text === undefined
      ? open
      : fromLocal(config.zone, Date.parse(`${text}${text.length > 10 ? '' : 'T00:00'}Z`) * 1000);
  const map = config.stateMaps[stateMap]!;
  const orders = config.orders.filter((order) => order.unit === path);
  return {
    path: full(path),
    name,
    stateMap: map,
    tags: {
      state: full(tags.state ?? `${path}/${map.tag}`),
      mode: needsMode(map) ? full(tags.mode ?? `${path}/${map.modeTag}`) : undefined,
      countTotal: counter(tags.countTotal, 'count-total'),
      countGood: counter(tags.countGood, 'count-good'),
      countScrap: counter(tags.countScrap, 'count-scrap'),
    },
    rates: config.products
      .flatMap(({ code, rates }) => rates.map((rate) => ({ product: code, ...rate })))
      .filter((rate) => rate.unit === path)
      .map(({ product, plannedRunTimeS, from, to }) => ({
        product,
        plannedRunTimeS,
        from: time(from, Number.NEGATIVE_INFINITY),
        to: time(to, Number.POSITIVE_INFINITY),
      }))
      .sort((a, b) => a.from - b.from),
    orders:
      orders.length === 0
        ? undefined
        : union(orders.map(({ from, to }) => ({ start: time(from, 0), end: time(to, 0) }))),
  };
}
