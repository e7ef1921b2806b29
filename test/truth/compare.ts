/** Every KPI value of the hub that the truth can tell, beside what the truth tells. */

import type { VirtualHub } from '../support/virtual-hub.ts';
import type { DemoAgents } from './agents.ts';
import { exactly, over, type Range, type Stretch, sum, times } from './ranges.ts';
import type { Recording } from './recording.ts';
import {
  capacityPerHour,
  caps,
  failureS,
  fillerOrders,
  hourUs,
  machining,
  minuteUs,
  packaging,
  prices,
  startUs,
} from './scenario.ts';
import { byBand, closure, consumed, kept, type MeterView, peak, standby } from './true-meters.ts';
import { addUnits, type UnitSums, type UnitView, unitFigures, unitSums } from './true-units.ts';

export interface Comparison {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: string;
  readonly start: string;
  readonly status: string;
  readonly value: number | null;
  /** undefined: the truth has no such figure. */
  readonly truth: Range | undefined;
  readonly agrees: boolean;
}

export interface Value {
  readonly kpi: string;
  readonly asset: string;
  readonly start: string;
  readonly end: string;
  readonly status: string;
  readonly value: number | null;
  readonly coverage: number;
  readonly revision: number;
  readonly input_hash: string;
  readonly elements: Readonly<Record<string, number>>;
}

const localOffsetUs = 3.5 * hourUs;
const filler = `${packaging}/packaging/line-1/filler`;
const factors: Readonly<Record<string, number>> = { electricity: 0.655, gas: 2.0196 };
const contracts: Readonly<Record<string, number>> = {
  [`${machining}/energy/main`]: 60,
  [`${packaging}/energy/main`]: 80,
};

export function createTruth(agents: DemoAgents, recording: Recording) {
  const hiddenOf = (tag: string) => {
    const source = agents.sourceOf.get(tag);
    if (source === undefined) throw new Error(`nobody reads ${tag}`);
    const path = tag.split('/').slice(2).join('/');
    return agents.hidden
      .filter((one) => one.source === source && path.startsWith(one.tags))
      .sort((a, b) => a.from - b.from);
  };
  const stretches = (tag: string) => hiddenOf(tag).map(({ from, to }): Stretch => [from, to]);
  const earlier = (tag: string) => Math.max(0, ...hiddenOf(tag).map(({ earlierUs }) => earlierUs));

  const views = new Map<string, UnitView>();
  for (const [path, unit] of recording.units) {
    const isPolled = path.startsWith(packaging);
    const tag = `${path}/count-total`;
    views.set(path, {
      recording: unit,
      plannedStops: recording.plannedStops,
      hidden: stretches(tag),
      hiddenEarlierUs: earlier(tag),
      lateUs: isPolled ? 1e6 : 0,
      shortestUs: isPolled ? 0 : 500_000,
      failureUs: failureS * 1e6,
      orders: path === filler ? fillerOrders : undefined,
      capacityPerHour: path === filler ? capacityPerHour : undefined,
    });
  }
  const meters = new Map<string, MeterView & { readonly carrier: string }>();
  for (const [path, meter] of recording.meters) {
    const isElectric = !path.endsWith('gas');
    const isDisplay = path.endsWith('compressor');
    const tag = `${path}/${isDisplay ? 'power' : isElectric ? 'kwh' : 'pulses'}`;
    meters.set(path, {
      recording: meter,
      startUs,
      hidden: stretches(tag),
      count: path.startsWith(machining) ? 0.01 : isDisplay ? 0 : 0.1,
      // Up to 70 kW, or 63 m³/h, for a second; a display stands still for a minute before it jumps by 20 kW.
      late: isDisplay ? 0.2 : 0.02,
      ...(isDisplay && { displayKw: 0.05 }),
      carrier: isElectric ? 'electricity' : 'gas',
    });
  }

  const known = new Map<string, UnitSums>();
  const sumsOf = (unit: string, window: Stretch): UnitSums => {
    const key = `${unit} ${window}`;
    const found = known.get(key) ?? unitSums(views.get(unit)!, window);
    known.set(key, found);
    return found;
  };
  const figures = new Map<string, Map<string, Range | undefined>>();

  const ofUnits = (asset: string, window: Stretch): Map<string, Range | undefined> => {
    const below = [...views.keys()].filter((unit) => unit === asset || unit.startsWith(`${asset}/`));
    if (below.length === 0) return new Map();
    const told = below.map((unit) => views.get(unit)!);
    const sums = addUnits(below.map((unit) => sumsOf(unit, window)));
    const found = unitFigures(sums, {
      orders: told.some(({ orders }) => orders !== undefined),
      capacity: told.every((unit) => unit.capacityPerHour !== undefined),
    });
    const [electric, ...others] = metersFor(asset);
    if (electric) {
      const kwh = consumed(electric, window);
      found.set('en.sec', over(kwh, sums.GQ));
      const co2e = sum(
        ...[electric, ...others].map((meter) => times(consumed(meter, window), factors[meter.carrier]!)),
      );
      found.set('en.co2e', co2e);
      found.set('en.co2e_unit', over(co2e, sums.GQ));
    }
    return found;
  };

  /** What measures just this: the site's own meters, and the compressor's the line's, as the plant file has it. */
  const metersFor = (asset: string) => {
    const of = (...paths: string[]) => paths.map((path) => meters.get(path)!);
    if (asset === machining) return of(`${machining}/energy/main`);
    if (asset === packaging) return of(`${packaging}/energy/main`, `${packaging}/energy/gas`);
    if (asset === `${packaging}/packaging/line-1`) return of(`${packaging}/utilities/compressor`);
    return [];
  };

  const ofMeter = (path: string, window: Stretch): Map<string, Range | undefined> => {
    const meter = meters.get(path);
    if (!meter) return new Map();
    const amount = consumed(meter, window);
    const co2e = times(amount, factors[meter.carrier]!);
    if (meter.carrier === 'gas')
      return new Map([
        ['en.carrier', amount],
        ['en.co2e', co2e],
      ]);
    const [block, slide] = [peak(meter, window, hourUs / 4), peak(meter, window, minuteUs)];
    const split = byBand(meter, window, localOffsetUs);
    const hours = (window[1] - window[0]) / hourUs;
    const contract = contracts[path];
    const site = path.startsWith(machining) ? machining : packaging;
    const units = [...views]
      .filter(([unit]) => unit.startsWith(site))
      .map(([, view]) => ({ ...view, runs: runsOf(view) }));
    const found = new Map<string, Range | undefined>([
      ['en.kwh', amount],
      ['en.co2e', co2e],
      ['en.peak_block', block],
      ['en.peak_slide', slide],
      ['en.load_factor', over(times(amount, 1 / hours), block)],
      ['en.contract_util', contract === undefined ? undefined : times(block, 1 / contract)],
      ['en.share_peak', over(split.peak, amount)],
      ['en.share_mid', over(split.mid, amount)],
      ['en.share_low', over(split.low, amount)],
      ['en.cost', sum(times(split.peak, prices.peak), times(split.mid, prices.mid), times(split.low, prices.low))],
      ['en.standby', standby(meter, window, units, 30)],
    ]);
    const compressor = meters.get(`${packaging}/utilities/compressor`)!;
    if (path === `${packaging}/energy/main`) {
      found.set('en.closure', closure(meter, compressor, window));
      found.set('dr.compliance', kept(meter, window, caps, localOffsetUs));
    }
    return found;
  };

  const completeness = (asset: string, [from, to]: Stretch): Range | undefined => {
    const tags = [...agents.sourceOf.keys()].filter((tag) => tag.startsWith(`${asset}/`));
    const all = tags.map((tag) => {
      // Before its first acceptance a tag was not there, and nothing was expected of it.
      const gone = hiddenOf(tag).filter((one) => one.from > startUs);
      const lost = gone.reduce((total, one) => total + Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)), 0);
      const share = 1 - lost / (to - from);
      const blur = gone.reduce((total, { earlierUs }) => total + earlierUs, 0) + 1e6;
      return { low: share - blur / (to - from), high: share + 1e-5 };
    });
    return over(sum(...all), exactly(all.length));
  };

  /** By KPI: what is expected of an asset; a KPI that is not in it is not told by the truth. */
  return (asset: string, window: Stretch): ReadonlyMap<string, Range | undefined> => {
    const key = `${asset} ${window}`;
    const found = figures.get(key) ?? new Map([...ofUnits(asset, window), ...ofMeter(asset, window)]);
    if (!found.has('dq.complete')) found.set('dq.complete', completeness(asset, window));
    figures.set(key, found);
    return found;
  };
}

const runsOf = ({ recording: { states } }: UnitView): Stretch[] =>
  states.flatMap(({ t, state }, index): Stretch[] =>
    state === 'RUN' ? [[t, states[index + 1]?.t ?? Number.POSITIVE_INFINITY]] : [],
  );

/** Below this, the hub tells no value (R5). */
const leastCoverage = 0.8;

export async function compareFigures(
  hub: VirtualHub,
  truth: ReturnType<typeof createTruth>,
  { endUs, computedUs }: { readonly endUs: number; readonly computedUs: number },
): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const granularity of ['15min', 'hour', 'shift', 'day', 'week']) {
    const values = await allValues(hub, granularity, [startUs, endUs]);
    for (const { kpi, asset, start, end, value, status, coverage } of values) {
      const window: Stretch = [
        Math.max(startUs, Date.parse(start) * 1000),
        Math.min(computedUs, Date.parse(end) * 1000),
      ];
      const expected = truth(asset, window);
      if (!expected.has(kpi)) continue;
      const range = expected.get(kpi);
      compared.push({
        kpi,
        asset,
        granularity,
        start,
        status,
        value,
        truth: range,
        agrees: agrees(value, range, coverage),
      });
    }
  }
  return compared;
}

function agrees(value: number | null, range: Range | undefined, coverage: number): boolean {
  if (value === null) return range === undefined || range.low !== range.high || coverage < leastCoverage;
  if (!range) return false;
  const blur = 1e-9 * Math.max(1, Math.abs(value));
  return value >= range.low - blur && value <= range.high + blur;
}

export async function allValues(hub: VirtualHub, granularity: string, [from, to]: Stretch): Promise<Value[]> {
  const at = (time: number) => new Date(time / 1000).toISOString();
  const found: Value[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `granularity=${granularity}&from=${at(from)}&to=${at(to)}&limit=10000${cursor && `&cursor=${cursor}`}`;
    const page: { data: Value[]; next_cursor: string | null } = await hub.get(`/api/v1/kpi-values?${query}`);
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}
