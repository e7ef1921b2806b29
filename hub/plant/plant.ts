/**
 * The plant model: one site with its calendar, assets and meters, built from a plant file. All paths are full ones,
 * all times µs UTC. ISA-95: site → area → line (work centre) → unit (work unit).
 */
import { createHash } from 'node:crypto';
import type { TimeUs } from '../../protocols/sample.ts';
import { needsMode, type StateMap } from './canonical-state.ts';
import { minutesOfDay } from './check-calendar.ts';
import { instantOf, parseLocal, type Validity, validityOf } from './dates.ts';
import { buildEnergy, type EnergyModel } from './energy-model.ts';
import { buildMeter, type Meter } from './meter.ts';
import { type Made, type Order, type Rate, ratesInForce } from './rates.ts';
import { buildReferences, type References } from './references.ts';
import type { PlantConfig } from './schema.ts';
import type { Name } from './schema-parts.ts';
import { type Span, type Spans, union } from './spans.ts';
import type { ToldOfPlaces } from './told.ts';
import { dayUs } from './zone.ts';

/** Why a unit stood, as somebody has said afterwards. */
export interface ExplainedStop extends Span {
  readonly reason: string;
  /** That of the reason, or of the nearest one above it that has one. */
  readonly class: PlantConfig['reasons'][number]['class'];
}

/** Pieces that somebody counted. */
export interface ManualCount extends Span {
  readonly good: number;
  readonly scrap: number;
  readonly rework: number;
}

export interface Product {
  readonly code: string;
  readonly name: Name;
  readonly standardCoefficient: number;
  readonly massKg: number | undefined;
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
    readonly countRework?: string;
  };
  /** As the file says them, of any product; ascending. */
  readonly declaredRates: readonly Rate[];
  /** What it makes when, by its orders, and at which rate; ascending, none overlaps. */
  readonly made: readonly Made[];
  readonly rates: readonly Rate[];
  /** When an order was at the unit; undefined is always. */
  readonly orders: Spans | undefined;
  readonly orderList: readonly Order[];
  /** Since when `orders` tells; before, an order is taken to have been at the unit. Never, where there are none. */
  readonly ordersFrom: TimeUs;
  /** What people have entered; ascending, none overlaps. */
  readonly stops: readonly ExplainedStop[];
  readonly counts: readonly ManualCount[];
  /** EPC of ISO 22400-2. */
  readonly capacityPerHour: number | undefined;
  /** It is the first operation of its line. */
  readonly first: boolean;
  /** A FAULT of at least this length is a failure. */
  readonly failureUs: number;
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

export type Shift = PlantConfig['shifts'][number] & {
  /** Local days on which it may start, as in `zone.ts`. */
  readonly days: Validity;
};

/** Local days, the last one included, whose shifts are these, whatever their weekday says. */
export interface CalendarException {
  readonly firstDay: TimeUs;
  readonly lastDay: TimeUs;
  readonly name: Name;
  readonly shifts: readonly string[];
}

export interface Target extends Validity {
  readonly kpi: string;
  readonly asset: string;
  readonly value: number;
}

export interface Plant extends EnergyModel, References, ToldOfPlaces {
  /** Path of the site. */
  readonly path: string;
  readonly name: Name;
  readonly groups: PlantConfig['groups'];
  readonly zone: string;
  readonly businessDayStartMin: number;
  readonly coverage: PlantConfig['coverage'];
  readonly counterJitter: PlantConfig['counterJitter'];
  readonly curtailmentCountsAs: PlantConfig['curtailmentCountsAs'];
  readonly mtbfDenominator: PlantConfig['mtbfDenominator'];
  readonly shifts: readonly Shift[];
  readonly exceptions: readonly CalendarException[];
  readonly reasons: PlantConfig['reasons'];
  readonly products: readonly Product[];
  readonly targets: readonly Target[];
  /** Full paths. */
  readonly contractedTags: readonly string[];
  readonly areas: readonly Area[];
  readonly lines: readonly Line[];
  readonly units: readonly Unit[];
  readonly meters: readonly Meter[];
  /** Hash of everything that the file says: two plants of one version give the same values from the same samples. */
  readonly version: string;
}

/** Rises when elements are computed in another way: what is stored is then computed anew, as after another plant. */
const elementsVersion = 2;

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
    mtbfDenominator: config.mtbfDenominator,
    shifts: config.shifts.map((shift) => ({ ...shift, days: localDays(shift) })),
    exceptions: config.exceptions.map(({ date, until, name, shifts }) => ({
      firstDay: parseLocal(date)!,
      lastDay: parseLocal(until ?? date)!,
      name,
      shifts,
    })),
    reasons: config.reasons,
    products: config.products.map(({ code, name, standardCoefficient, massKg }) => ({
      code,
      name,
      standardCoefficient,
      massKg,
    })),
    targets: config.targets.map(({ kpi, asset, value, ...valid }) => ({
      kpi,
      asset: asset === undefined ? config.site : full(asset),
      value,
      ...validityOf(config.zone, valid),
    })),
    contractedTags: config.contractedTags.map(full),
    groups: config.groups,
    areas,
    lines,
    units: lines.flatMap((line) => line.units),
    meters: config.meters.map((meter) => buildMeter(meter, config.site)),
    inspections: new Map(),
    attendances: new Map(),
    ...buildEnergy(config),
    ...buildReferences(config),
    version: createHash('sha256')
      .update(JSON.stringify([elementsVersion, config]))
      .digest('hex')
      .slice(0, 16),
  };
}

const localDays = ({ from, to }: PlantConfig['shifts'][number]): Validity => ({
  from: from === undefined ? Number.NEGATIVE_INFINITY : Math.floor(parseLocal(from)! / dayUs) * dayUs,
  to: to === undefined ? Number.POSITIVE_INFINITY : parseLocal(to)!,
});

type UnitConfig = PlantConfig['areas'][number]['lines'][number]['units'][number];

function buildUnit(config: PlantConfig, path: string, unit: UnitConfig): Unit {
  const { name, stateMap, tags, capacityPerHour, first, failureS } = unit;
  const { zone } = config;
  const full = (tag: string): string => `${config.site}/${tag}`;
  const counter = (tag: string | false | undefined, usual: string) =>
    tag === false ? undefined : full(tag ?? `${path}/${usual}`);
  const map = config.stateMaps[stateMap]!;
  const orderList = config.orders.filter((order) => order.unit === path).map((order) => buildOrder(zone, order));
  const declaredRates = config.products
    .flatMap(({ code, rates }) => rates.map((rate) => ({ product: code, ...rate })))
    .filter((rate) => rate.unit === path)
    .map(({ product, plannedRunTimeS, ...valid }) => ({ product, plannedRunTimeS, ...validityOf(zone, valid) }))
    .sort((a, b) => a.from - b.from);
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
      countRework: tags.countRework && full(tags.countRework),
    },
    declaredRates,
    ...ratesInForce(declaredRates, orderList),
    orders: orderList.length === 0 ? undefined : union(orderList),
    orderList,
    ordersFrom: orderList.length === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
    stops: [],
    counts: [],
    capacityPerHour,
    first,
    failureUs: failureS * 1_000_000,
  };
}

function buildOrder(zone: string, order: PlantConfig['orders'][number]): Order {
  const span = ({ from, to }: { from: string; to: string }): Span => ({
    start: instantOf(zone, from),
    end: instantOf(zone, to),
  });
  const { code, product, quantity, plannedScrap, planned } = order;
  return { ...span(order), code, product, quantity, plannedScrap, planned: span(planned ?? order) };
}
