/** What the hub must tell of each asset and time, put together from the factory's own truth. */
import type { DemoAgents } from './agents.ts';
import { transitUs } from './agents.ts';
import { exactly, minus, notNegative, over, type Range, type Stretch, sum, times } from './ranges.ts';
import type { Recording } from './recording.ts';
import {
  baseline,
  billing,
  capacityPerHour,
  caps,
  contractedTags,
  contracts,
  dayUs,
  events,
  explained,
  failureS,
  fillerOrders,
  hourUs,
  type Mishap,
  machining,
  massKg,
  maturity,
  minuteUs,
  outputReference,
  packaging,
  peakShareBefore,
  prices,
  reworking,
  serviced,
  startUs,
} from './scenario.ts';
import { agentUptime, createDataTruth, deviceUptime, type TagView } from './true-data.ts';
import {
  byBand,
  closure,
  consumed,
  type MeterView,
  outages,
  peak,
  powerFactor,
  reactive,
  standby,
} from './true-meters.ts';
import { peopleFigures } from './true-people.ts';
import { pilotFigures } from './true-pilot.ts';
import { capped, reduced, reductionFigures } from './true-response.ts';
import { addUnits, type UnitSums, type UnitView, unitFigures, unitSums } from './true-units.ts';

export interface Question {
  readonly asset: string;
  readonly window: Stretch;
  readonly granularity: string;
  /** Of which event or limit. */
  readonly event?: string | undefined;
}

type Figures = Map<string, Range | undefined>;

/** By KPI; undefined is not defined. A KPI that is not in it is not told by the truth. */
export type Truth = (question: Question) => ReadonlyMap<string, Range | undefined>;

const localOffsetUs = 3.5 * hourUs;
const line = `${packaging}/packaging/line-1`;
const filler = `${line}/filler`;
const first = ['cnc-1', 'filler'];
/** The first acceptance. */
const bornUs = startUs + 1e6;
const emission: Readonly<Record<string, number>> = { electricity: 0.655, gas: 2.0196 };
const megajoules: Readonly<Record<string, number>> = { electricity: 3.6, gas: 36 };

type Carried = MeterView & { readonly carrier: string };

/** @param toldUntil up to when people told what they know; absent where they told nothing */
export function createTruth(
  agents: DemoAgents,
  recording: Recording,
  mishaps: readonly Mishap[],
  toldUntil?: number,
): Truth {
  const { deliveries, reported } = agents;
  const tags = createTags(agents, reported);
  const stretches = (tag: string) => [...tags.get(tag)!.hidden, ...tags.get(tag)!.bad].sort((a, b) => a[0] - b[0]);
  const views = createUnits(recording, tags, stretches);
  const meters = createMeters(recording, stretches);

  const known = new Map<string, UnitSums>();
  const sumsOf = (unit: string, window: Stretch): UnitSums => {
    const key = `${unit} ${window}`;
    const found = known.get(key) ?? unitSums(views.get(unit)!, window);
    known.set(key, found);
    return found;
  };
  const unitsBelow = (asset: string) =>
    [...views.keys()].filter((unit) => unit === asset || unit.startsWith(`${asset}/`));

  /** What measures just this: the site's own meters, and the compressor's the line's, as the plant file has it. */
  const metersFor = (asset: string): Carried[] => {
    const of = (...paths: string[]) => paths.map((path) => meters.get(path)!);
    if (asset === machining) return of(`${machining}/energy/main`);
    if (asset === packaging)
      return of(`${packaging}/energy/main`, `${packaging}/energy/solar`, `${packaging}/energy/gas`);
    if (asset === line) return of(`${packaging}/utilities/compressor`);
    return [];
  };
  const weighed = (of: readonly Carried[], window: Stretch, factors: Readonly<Record<string, number>>): Range =>
    sum(...of.map((meter) => times(consumed(meter, window), factors[meter.carrier]!)));

  const ofUnits = ({ asset, window }: Question): Figures => {
    const below = unitsBelow(asset);
    if (below.length === 0) return new Map();
    const told = below.map((unit) => views.get(unit)!);
    const sums = addUnits(below.map((unit) => sumsOf(unit, window)));
    const found = unitFigures(sums, {
      orders: told.some(({ orders }) => orders !== undefined),
      rework: told.some(({ isReworking }) => isReworking),
      maintenance: below.includes(serviced),
      capacity: told.every((unit) => unit.capacityPerHour !== undefined),
      mass: told.every((unit) => unit.massKg !== undefined),
      isLine: asset.endsWith('/line-1'),
    });
    const own = metersFor(asset);
    if (own.length === 0) return found;
    const electric = own.filter(({ carrier }) => carrier === 'electricity');
    const [co2e, mj] = [weighed(own, window, emission), weighed(own, window, megajoules)];
    const told2: Figures = new Map([
      ['en.sec', over(sum(...electric.map((meter) => consumed(meter, window))), sums.GQ)],
      ['en.co2e', co2e],
      ['en.co2e_unit', over(co2e, sums.GQ)],
      ['en.carrier_gj', times(mj, 1 / 1000)],
      ['en.cec', over(mj, sums.PQ)],
      ['en.cec_good', over(mj, sums.GQ)],
      [
        'en.sec_gj',
        told.every((unit) => unit.massKg !== undefined) ? over(times(mj, 1 / 1000), sums.tonnes) : undefined,
      ],
    ]);
    return new Map([...found, ...told2]);
  };

  /** Against the days that have ended. */
  const againstBaseline = (meter: MeterView, [from, to]: Stretch): Figures => {
    const days = Math.floor((to - from) / dayUs);
    if (days === 0) return new Map([['en.eei', undefined]]);
    const ended: Stretch = [from, from + days * dayUs];
    const used = consumed(meter, ended);
    const good = addUnits(unitsBelow(machining).map((unit) => sumsOf(unit, ended))).GQ;
    const expected = sum(exactly(days * baseline.interceptKwh), times(good, baseline.perGoodPieceKwh));
    const saved = minus(expected, used);
    return new Map([
      ['en.eei', over(used, expected)],
      ['en.saving', times(saved, 1 / 1000)],
      ['en.saving_pct', over(saved, expected)],
    ]);
  };

  const costOf = (
    path: string,
    split: Readonly<Record<'peak' | 'mid' | 'low', Range>>,
    meter: MeterView,
    question: Question,
  ) => {
    const energy = sum(times(split.peak, prices.peak), times(split.mid, prices.mid), times(split.low, prices.low));
    const contract = contracts[path];
    if (contract?.demandPrice === undefined || question.granularity !== 'month') return energy;
    const metered = peak(meter, question.window, hourUs / 4);
    const least = billing.floor * contract.demandKw;
    const billed = { low: Math.max(least, metered.low), high: Math.max(least, metered.high) };
    const pf = powerFactor(reactive(meter, question.window));
    const share = notNegative(minus(times({ low: 1 / pf.high, high: 1 / pf.low }, billing.powerFactor), exactly(1)));
    const lost = { low: share.low * energy.low, high: share.high * energy.high };
    return sum(energy, times(billed, contract.demandPrice), lost);
  };

  const ofMeter = (question: Question): Figures => {
    const { asset: path, window } = question;
    const meter = meters.get(path);
    if (!meter) return new Map();
    const amount = consumed(meter, window);
    const found: Figures = new Map([
      ['en.co2e', times(amount, emission[meter.carrier]!)],
      ['en.carrier_gj', times(amount, megajoules[meter.carrier]! / 1000)],
    ]);
    if (meter.carrier === 'gas') return found.set('en.carrier', amount);
    const block = peak(meter, window, hourUs / 4);
    const split = byBand(meter, window, localOffsetUs);
    const hours = (window[1] - window[0]) / hourUs;
    const contract = contracts[path];
    const units = [...views]
      .filter(([unit]) => unit.startsWith(path.startsWith(machining) ? machining : packaging))
      .map(([, view]) => ({ ...view, runs: runsOf(view) }));
    const before = peakShareBefore[path];
    const electric: Figures = new Map([
      ['en.kwh', amount],
      ['en.peak_block', block],
      ['en.peak_slide', peak(meter, window, minuteUs)],
      ['en.load_factor', over(times(amount, 1 / hours), block)],
      ['en.contract_util', contract && times(block, 1 / contract.demandKw)],
      ['en.share_peak', over(split.peak, amount)],
      ['en.share_mid', over(split.mid, amount)],
      ['en.share_low', over(split.low, amount)],
      ['en.shifted', before === undefined ? undefined : minus(times(amount, before), split.peak)],
      ['en.cost', costOf(path, split, meter, question)],
      ['en.standby', standby(meter, window, units, 30)],
    ]);
    return new Map([...found, ...electric, ...ofMainMeter(question, meter)]);
  };

  const ofMainMeter = ({ asset: path, window, granularity }: Question, meter: MeterView): Figures => {
    const found: Figures = new Map();
    if (meter.recording.reactive.length > 0) {
      const both = reactive(meter, window);
      const free = Math.sqrt(1 / billing.powerFactor ** 2 - 1);
      found.set('en.pf', powerFactor(both));
      found.set('en.reactive_excess', notNegative(minus(both.reactive, times(both.active, free))));
    }
    if (path === baseline.meter) for (const [kpi, range] of againstBaseline(meter, window)) found.set(kpi, range);
    const own = events.filter(({ meter, from }) => meter === path && window[0] <= from && from < window[1]);
    if (own.length > 0) {
      for (const [kpi, range] of reductionFigures(own.map((one) => reduced(meter, one)))) found.set(kpi, range);
    }
    if (path !== `${packaging}/energy/main`) return found;
    const compressor = meters.get(`${packaging}/utilities/compressor`)!;
    const open = closure(meter, compressor, window);
    found.set('en.closure', open);
    found.set('dq.meter_cov', open && minus(exactly(1), open));
    const away = outages(recording.curtailments, compressor, window, 2e6);
    found.set('en.outage', away.count);
    found.set('en.outage_min', away.minutes);
    if (granularity !== 'event') for (const [kpi, range] of ofCaps(meter, window, caps)) found.set(kpi, range);
    return found;
  };

  const ofCaps = (meter: MeterView, window: Stretch, under: typeof caps | (typeof caps)[number][]): Figures => {
    const told = capped(meter, window, under, localOffsetUs);
    return new Map([
      ['dr.compliance', told?.compliance],
      ['dr.excess', told?.excessKwh],
      ['dr.excess_worst', told?.worst],
    ]);
  };

  /** A limit over the days on which it holds, an event over its hours. */
  const ofEvent = ({ asset, window, event: code }: Question): Figures => {
    const meter = meters.get(asset)!;
    const event = events.find((one) => one.code === code);
    if (event) return reductionFigures([reduced(meter, event)]);
    return ofCaps(
      meter,
      window,
      caps.filter((cap) => cap.code === code),
    );
  };

  const ofData = ({ asset, window, granularity }: Question): Figures => {
    const below = [...tags].filter(([path]) => path.startsWith(`${asset}/`)).map(([, tag]) => tag);
    const data = createDataTruth(below, bornUs, deliveries);
    const contracted = contractedTags.filter((path) => path.startsWith(`${asset}/`));
    const found: Figures = new Map([
      ['dq.complete', data.complete(window)],
      ['dq.valid', data.valid(window)],
    ]);
    if (contracted.length > 0) {
      const listed = createDataTruth(
        contracted.flatMap((path) => tags.get(path) ?? []),
        bornUs,
        undefined,
      );
      found.set('dq.tag_cov', listed.coverage(window, contracted.length));
    }
    if (granularity === 'hour' || granularity === 'day' || granularity === 'month') {
      for (const [kpi, range] of data.timing(window)) found.set(kpi, range);
    }
    return new Map([...found, ...(asset === machining || asset === packaging ? ofLinks(asset, window) : [])]);
  };

  const ofLinks = (site: string, window: Stretch): Figures => {
    const sources = [
      ...Map.groupBy(
        [...tags.values()].filter(({ agent }) => site.includes(agent)),
        ({ source }) => source,
      ),
    ];
    const one = sources.map(([, own]) => own[0]!);
    const found: Figures = new Map([
      ['dq.uptime_device', deviceUptime(one, window)],
      ['pl.maturity', maturity[site] === undefined ? undefined : exactly(maturity[site])],
    ]);
    if (!deliveries) return found;
    const silent = ({ source }: TagView, isSilent: boolean) =>
      agents.hidden
        .filter((hidden) => hidden.source === source && hidden.tags === '' && hidden.earlierUs > 0 === isSilent)
        .map(({ from, to }): Stretch => [from, to]);
    const offline = mishaps.filter(
      ({ kind, ...rest }) => kind === 'offline' && 'agent' in rest && site.includes(rest.agent),
    );
    const dead = [...silent(one[0]!, true), ...offline.map(({ from, to }): Stretch => [from, to])];
    found.set(
      'dq.uptime',
      agentUptime(
        one.map((tag) => silent(tag, false)),
        dead.sort((a, b) => a[0] - b[0]),
        window,
      ),
    );
    found.set('dq.clock', exactly(transitUs / 1e6));
    return found;
  };

  const ofPeople = ({ asset, window }: Question): Figures =>
    toldUntil === undefined ? new Map() : peopleFigures(recording, asset, window, toldUntil);

  /** Whole days of the pilot are told like any day. */
  const ofPilot = ({ asset, window, granularity }: Question): Figures =>
    granularity === 'month'
      ? pilotFigures(asset, window, (days) => figuresOf({ asset, window: days, granularity: 'day' }))
      : new Map();

  const figures = new Map<string, Figures>();
  const figuresOf = (question: Question): Figures => {
    const key = Object.values(question).join(' ');
    const found =
      figures.get(key) ??
      (question.granularity === 'event'
        ? ofEvent(question)
        : new Map(
            [ofUnits, ofMeter, ofSite, ofData, ofPeople, ofPilot].flatMap((figuresOf) => [...figuresOf(question)]),
          ));
    figures.set(key, found);
    return found;
  };
  return figuresOf;

  /** Figures of a site's own meters, told of the site. */
  function ofSite({ asset, window }: Question): Figures {
    if (asset === machining) return againstBaseline(meters.get(baseline.meter)!, window);
    if (asset !== packaging) return new Map();
    const [grid, own] = ['main', 'solar'].map((name) => consumed(meters.get(`${packaging}/energy/${name}`)!, window));
    return new Map([['en.selfgen', over(own!, sum(grid!, own!))]]);
  }
}

function createTags(agents: DemoAgents, reported: DemoAgents['reported']): ReadonlyMap<string, TagView> {
  const views = new Map<string, TagView>();
  for (const [path, source] of agents.sourceOf) {
    const below = path.split('/').slice(2).join('/');
    const own = agents.hidden
      .filter((one) => one.source === source && below.startsWith(one.tags))
      .sort((a, b) => a.from - b.from);
    const spans = (isBad: boolean) =>
      own.filter(({ tags }) => (tags !== '') === isBad).map(({ from, to }): Stretch => [from, to]);
    views.set(path, {
      ...{ source, agent: path.startsWith(machining) ? 'machining' : 'packaging' },
      ...{ hidden: spans(false), bad: spans(true), reported: reported.get(path)! },
      earlierUs: Math.max(0, ...own.map(({ earlierUs }) => earlierUs)),
    });
  }
  return views;
}

function createUnits(
  recording: Recording,
  tags: ReadonlyMap<string, TagView>,
  stretches: (tag: string) => Stretch[],
): ReadonlyMap<string, UnitView> {
  const views = new Map<string, UnitView>();
  for (const [path, unit] of recording.units) {
    const isPolled = path.startsWith(packaging);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const tag = `${path}/count-total`;
    views.set(path, {
      recording: unit,
      plannedStops: recording.plannedStops,
      hidden: stretches(tag),
      hiddenEarlierUs: tags.get(tag)!.earlierUs,
      lateUs: isPolled ? 1e6 : 0,
      shortestUs: isPolled ? 0 : 500_000,
      failureUs: failureS * 1e6,
      orders: path === filler ? fillerOrders : undefined,
      capacityPerHour: path === filler ? capacityPerHour : undefined,
      massKg: massKg[name],
      isReworking: path === reworking,
      isFirst: first.includes(name),
      explained: path === explained.unit ? [[explained.from, explained.to]] : [],
      lostPerS: isPolled ? (outputReference.effectiveness * outputReference.quality) / unit.plannedRunTimeS : 0,
    });
  }
  return views;
}

function createMeters(recording: Recording, stretches: (tag: string) => Stretch[]): ReadonlyMap<string, Carried> {
  const meters = new Map<string, Carried>();
  for (const [path, meter] of recording.meters) {
    const isElectric = !path.endsWith('gas');
    const isDisplay = path.endsWith('compressor') || path.endsWith('solar');
    const tag = isDisplay ? `${packaging}/utilities/compressor/power` : `${path}/${isElectric ? 'kwh' : 'pulses'}`;
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
  return meters;
}

const runsOf = ({ recording: { states } }: UnitView): Stretch[] =>
  states.flatMap(({ t, state }, index): Stretch[] =>
    state === 'RUN' ? [[t, states[index + 1]?.t ?? Number.POSITIVE_INFINITY]] : [],
  );
