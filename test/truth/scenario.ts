/** What the days are made of: the demo's two plants with a few more rules than the demo has, and what goes wrong. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { PlantFile } from '../../hub/plant/book.ts';

export const machining = 'sahand/machining-plant';
export const packaging = 'aras/packaging-plant';

/** 1 Esfand 1405, a Saturday: business day, week and month begin here, so that figures of all of them are known. */
export const startUs = Date.parse('2027-02-20T06:00:00+03:30') * 1000;
export const minuteUs = 60e6;
export const hourUs = 60 * minuteUs;
export const dayUs = 24 * hourUs;
const at = (day: number, time: string): number => Date.parse(`2027-02-${19 + day}T${time}:00+03:30`) * 1000;

export type Mishap = { readonly from: number; readonly to: number } & (
  | { /** The agent's connection to a server is lost. */ readonly kind: 'source lost'; readonly source: string }
  | { /** The agent dies, and is started again later. */ readonly kind: 'crash'; readonly agent: string }
  | {
      /** One device on a line does not answer; its tags, which begin so, are Bad. */
      readonly kind: 'device silent';
      readonly source: string;
      readonly tags: string;
    }
  | { /** The agent measures on and reaches no hub. */ readonly kind: 'offline'; readonly agent: string }
);

export const mishaps: readonly Mishap[] = [
  {
    kind: 'device silent',
    source: 'line-1-plc',
    tags: 'packaging/line-1/capper/',
    from: at(1, '08:20'),
    to: at(1, '08:29'),
  },
  { kind: 'source lost', source: 'utilities', from: at(1, '09:52'), to: at(1, '09:59') },
  { kind: 'crash', agent: 'packaging', from: at(1, '13:10'), to: at(1, '13:16') },
  { kind: 'offline', agent: 'packaging', from: at(1, '15:10'), to: at(1, '18:40') },
  { kind: 'source lost', source: 'line-1-opcua', from: at(2, '03:12'), to: at(2, '03:31') },
  { kind: 'crash', agent: 'machining', from: at(2, '10:50'), to: at(2, '10:56') },
  { kind: 'offline', agent: 'machining', from: at(2, '23:00'), to: at(3, '04:30') },
];

/** A FAULT this long is a failure here: those of the demo are short. */
export const failureS = 60;
export const fillerOrders = [
  { from: at(1, '06:00'), to: at(1, '13:30'), quantity: 11_000, plannedScrap: 150 },
  { from: at(1, '15:00'), to: at(2, '04:00'), quantity: 17_500, plannedScrap: 260 },
] as const;
export const capacityPerHour = 2400;
/** Notified to the packaging plant for every day: what it may draw, and when. */
export const caps = [
  { code: 'noon', startH: 12, endH: 12.5, limitKw: 25 },
  { code: 'afternoon', startH: 15, endH: 17, limitKw: 52 },
] as const;
export const prices = { peak: 20_000, mid: 10_000, low: 5000 } as const;

/** Its setups are maintenance here, and what follows a failure (PackML Clearing) is its repair. */
export const serviced = `${machining}/machining/line-1/cnc-3`;
export const clearing = 1;
/** What it rejects is reworked. */
export const reworking = `${machining}/machining/line-1/cnc-2`;
/** Somebody has said why it stood in this time. */
export const explained = {
  unit: `${machining}/machining/line-1/cnc-1`,
  from: at(1, '16:00'),
  to: at(1, '21:00'),
} as const;
/** kg a piece; of the packaging plant nobody has told. */
export const massKg: Readonly<Record<string, number>> = { 'cnc-1': 2.4, 'cnc-2': 1.1, 'cnc-3': 3.8 };
/** What a packaging machine makes of time, for what a curtailment cost. */
export const outputReference = { effectiveness: 0.9, quality: 0.98 } as const;

/** What the supplier may ask for, and how much of it comes. */
export const contracts: Readonly<Record<string, { readonly demandKw: number; readonly demandPrice?: number }>> = {
  [`${machining}/energy/main`]: { demandKw: 60, demandPrice: 50_000 },
  [`${packaging}/energy/main`]: { demandKw: 80 },
};
/** Demand is paid for at least to this share of the contract; below this power factor reactive energy is paid for. */
export const billing = { floor: 0.9, powerFactor: 0.9 } as const;
/** Share of peak hours before. */
export const peakShareBefore: Readonly<Record<string, number>> = { [`${machining}/energy/main`]: 0.17 };
/** kWh that a day of the machining plant would have taken. */
export const baseline = { meter: `${machining}/energy/main`, interceptKwh: 280, perGoodPieceKwh: 0.05 } as const;
export const maturity: Readonly<Record<string, number>> = { [machining]: 1.8 };

/** Figures of the machining plant from before its pilot, which is all of the days; of so many days each. */
const machiningLine = `${machining}/machining/line-1`;
export const declaredDays = 60;
export const declaredBefore: readonly { readonly kpi: string; readonly asset: string; readonly value: number }[] = [
  ...Object.entries({ oee: 0.62, availability: 0.7, effectiveness: 0.9, quality: 0.96, scrap: 0.035 }),
  ...Object.entries({ volume: 400_000, downtime_unpl: 300 }),
]
  .map(([name, value]) => ({ kpi: `prod.${name}`, asset: machiningLine, value }))
  .concat(
    { kpi: 'en.kwh', asset: `${machining}/energy/main`, value: 45_000 },
    { kpi: 'en.share_peak', asset: `${machining}/energy/main`, value: 0.17 },
    { kpi: 'en.sec', asset: machining, value: 0.11 },
  );
/** The packaging plant is held against its own first day. */
export const measuredPilot = { baselineFrom: startUs, from: startUs + dayUs } as const;

/** Asked to use less. `of` are the days whose mean is expected, adjusted by the hours before; none: the notified demand. */
export interface Event {
  readonly code: string;
  readonly meter: string;
  readonly from: number;
  readonly to: number;
  readonly requestKw: number;
  readonly referenceKw: number;
  readonly isDayBefore: boolean;
}
export const events: readonly Event[] = [
  {
    ...{ code: 'first', meter: `${packaging}/energy/main`, from: at(1, '19:00'), to: at(1, '20:30') },
    ...{ requestKw: 5, referenceKw: 62, isDayBefore: false },
  },
  {
    ...{ code: 'second', meter: `${machining}/energy/main`, from: at(2, '13:00'), to: at(2, '15:00') },
    ...{ requestKw: 3, referenceKw: 50, isDayBefore: true },
  },
];

interface Unit {
  readonly code: string;
  stateMap: string;
  failureS?: number;
  capacityPerHour?: number;
  tags?: object;
}
interface Area {
  readonly lines: readonly { readonly units: Unit[] }[];
}

/** Below this the compressor has no power: what tells whether the supply is there. */
const poweredKw = 1;

/** What the demo's plant files say, and the rules above. */
export function plantFiles(): PlantFile[] {
  const folder = join(import.meta.dirname, '../../config/demo/plants');
  const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));
  const unitsOf = (plant: ReturnType<typeof read>): Unit[] =>
    plant.areas.flatMap((area: Area) => area.lines.flatMap((line) => line.units));
  const wall = (time: number) => new Date(time / 1000 + 3.5 * 3_600_000).toISOString().slice(0, 16);
  const clock = (hour: number) => `${Math.floor(hour)}:${hour % 1 ? '30' : '00'}`;
  const below = (path: string) => path.split('/').slice(2).join('/');
  const source = 'the test';
  /** Failures, capacities, contracts and events are those above. */
  const withOwnRules = (site: string, plant: ReturnType<typeof read>) => {
    for (const unit of unitsOf(plant)) {
      unit.failureS = failureS;
      delete unit.capacityPerHour;
    }
    plant.contracts = Object.entries(contracts)
      .filter(([meter]) => meter.startsWith(`${site}/`))
      .map(([meter, { demandPrice, ...contract }]) => ({
        ...{ meter: below(meter), source, ...contract },
        ...(demandPrice && {
          ...{ demandPrice, billedFloor: billing.floor, powerFactorLimit: billing.powerFactor },
          formulas: { reactiveIrr: `max(0, ${billing.powerFactor} / pf - 1) * energy_IRR` },
        }),
      }));
    plant.events = events
      .filter(({ meter }) => meter.startsWith(`${site}/`))
      .map(({ code, meter, from, to, requestKw, referenceKw }) => ({
        ...{ code, name: { en: code, fa: code }, meter: below(meter), from: wall(from), to: wall(to), requestKw },
        baseline: { x: 1, y: 1, referenceKw },
      }));
    return plant;
  };

  const machined = withOwnRules(machining, read('machining.yaml'));
  const { packml } = machined.stateMaps;
  machined.stateMaps.serviced = {
    ...packml,
    states: { ...packml.states, [clearing]: 'MAINT_CORRECTIVE' },
    modes: { ...packml.modes, 4: 'MAINT' },
  };
  for (const unit of unitsOf(machined)) {
    if (serviced.endsWith(unit.code)) unit.stateMap = 'serviced';
    if (reworking.endsWith(unit.code))
      unit.tags = { countScrap: false, countRework: `${below(reworking)}/count-scrap` };
  }
  machined.pilot = {
    from: wall(startUs),
    declared: declaredBefore.map(({ asset, ...one }) => ({
      ...{ ...one, days: declaredDays, source },
      ...(asset !== machining && { asset: below(asset) }),
    })),
  };
  machined.baselines = [
    {
      ...{ code: 'before', meter: 'energy/main', kind: 'linear', per: 'day', author: source },
      ...{ intercept: baseline.interceptKwh, terms: [{ variable: 'GQ', coefficient: baseline.perGoodPieceKwh }] },
      reference: { from: '2026-02-20', to: '2026-03-20' },
    },
  ];

  const packed = withOwnRules(packaging, read('packaging.yaml'));
  const [baselineFrom, pilotFrom] = [measuredPilot.baselineFrom, measuredPilot.from].map(wall);
  packed.pilot = { from: pilotFrom, baseline: { from: baselineFrom, to: pilotFrom } };
  packed.areas[0].lines[0].units[0].capacityPerHour = capacityPerHour;
  packed.orders = fillerOrders.map(({ from, to, quantity, plannedScrap }) => ({
    ...{ unit: 'packaging/line-1/filler', product: 'bottle', quantity, plannedScrap },
    ...{ from: wall(from), to: wall(to) },
  }));
  packed.limits = caps.map(({ code, startH, endH, limitKw }) => ({
    ...{ code, meter: 'energy/main', from: '2027-02-01', to: '2027-03-31' },
    ...{ start: clock(startH), end: clock(endH), referenceKw: 100, percent: limitKw, source },
  }));
  packed.meters.find(({ path }: { path: string }) => path === 'energy/main').supply = {
    ...{ tag: 'utilities/compressor/power', below: poweredKw },
  };
  const display = { carrier: 'electricity', tags: { register: false, power: 'utilities/compressor/power' } };
  packed.meters.push({
    ...{ path: 'utilities/compressor', name: { en: 'Compressor', fa: 'کمپرسور' }, ...display },
    ...{ parent: 'energy/main', measures: ['packaging/line-1'] },
  });
  // The demo makes no electricity; what the compressor's display shows is taken for an inverter's.
  packed.meters.push({ path: 'energy/solar', name: { en: 'Solar', fa: 'خورشیدی' }, role: 'generation', ...display });
  return [
    { file: 'machining.yaml', content: JSON.stringify(machined) },
    { file: 'packaging.yaml', content: JSON.stringify(packed) },
  ];
}

/** Full paths of the tags that the demo's plant files list as contracted. */
export const contractedTags: readonly string[] = plantFiles().flatMap(({ content }) => {
  const { site, contractedTags: tags } = JSON.parse(content);
  return tags.map((tag: string) => `${site}/${tag}`);
});
