/** What the days are made of: the demo's two plants with a few more rules than the demo has, and what goes wrong. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { PlantFile } from '../../hub/plant/book.ts';

export const machining = 'sahand/machining-plant';
export const packaging = 'aras/packaging-plant';

/** A Monday; the business day begins here. */
export const startUs = Date.parse('2026-11-23T06:00:00+03:30') * 1000;
export const minuteUs = 60e6;
export const hourUs = 60 * minuteUs;
export const dayUs = 24 * hourUs;
const at = (day: number, time: string): number => Date.parse(`2026-11-${22 + day}T${time}:00+03:30`) * 1000;

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
  { from: at(1, '06:00'), to: at(1, '13:30'), quantity: 11_000 },
  { from: at(1, '15:00'), to: at(2, '04:00'), quantity: 17_500 },
] as const;
export const capacityPerHour = 2400;
/** Notified to the packaging plant for every day: what it may draw, and when. */
export const caps = [
  { startH: 12, endH: 12.5, limitKw: 25 },
  { startH: 15, endH: 17, limitKw: 52 },
] as const;
export const prices = { peak: 20_000, mid: 10_000, low: 5000 } as const;

interface Area {
  readonly lines: readonly { readonly units: readonly { failureS?: number; capacityPerHour?: number }[] }[];
}

/** What the demo's plant files say, and the rules above. */
export function plantFiles(): PlantFile[] {
  const folder = join(import.meta.dirname, '../../config/demo/plants');
  const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));
  /** Failures and capacities are those above. */
  const withOwnRules = (plant: ReturnType<typeof read>) => {
    const units = plant.areas.flatMap((area: Area) => area.lines.flatMap((line) => line.units));
    for (const unit of units) {
      unit.failureS = failureS;
      delete unit.capacityPerHour;
    }
    return plant;
  };
  const wall = (time: number) => new Date(time / 1000 + 3.5 * 3_600_000).toISOString().slice(0, 16);
  const clock = (hour: number) => `${Math.floor(hour)}:${hour % 1 ? '30' : '00'}`;
  const packed = withOwnRules(read('packaging.yaml'));
  packed.areas[0].lines[0].units[0].capacityPerHour = capacityPerHour;
  packed.orders = fillerOrders.map(({ from, to, quantity }) => ({
    ...{ unit: 'packaging/line-1/filler', product: 'bottle', quantity },
    ...{ from: wall(from), to: wall(to) },
  }));
  packed.limits = caps.map(({ startH, endH, limitKw }, index) => ({
    ...{ code: `cap-${index}`, meter: 'energy/main', from: '2026-11-01', to: '2026-12-31' },
    ...{ start: clock(startH), end: clock(endH), referenceKw: 100, percent: limitKw, source: 'the test' },
  }));
  packed.meters.push({
    ...{ path: 'utilities/compressor', name: { en: 'Compressor', fa: 'کمپرسور' }, carrier: 'electricity' },
    ...{ parent: 'energy/main', measures: ['packaging/line-1'], tags: { register: false } },
  });
  return [
    { file: 'machining.yaml', content: JSON.stringify(withOwnRules(read('machining.yaml'))) },
    { file: 'packaging.yaml', content: JSON.stringify(packed) },
  ];
}
