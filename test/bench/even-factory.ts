/**
 * Factories that run like clockwork: every figure of theirs follows from arithmetic, so that a bench can tell whether what
 * it has hurried is also right. All tags give a value every second.
 */
import type { Chunk } from '../../edge-agent/buffer/buffer.ts';
import type { PlantFile } from '../../hub/plant/book.ts';
import { encodePayload, toColumns } from '../../protocols/frame.ts';
import type { SampleColumns, TimeUs } from '../../protocols/sample.ts';
import type { TagDeclaration } from '../../protocols/tag-config.ts';

export interface EvenFactory {
  /** Also the name of its agent and of its one source. */
  readonly name: string;
  readonly site: string;
  readonly startUs: TimeUs;
  readonly tags: readonly TagDeclaration[];
  readonly plant: PlantFile;
  /** What all tags show at a second; `ids` in the order of the tags. */
  second(second: number, ids: readonly number[]): SampleColumns;
  /** What the hub must find of seconds (from, to]: by asset path. */
  good(from: number, to: number): ReadonlyMap<string, number>;
  kwh(from: number, to: number): ReadonlyMap<string, number>;
}

export interface Size {
  readonly units: number;
  readonly meters: number;
}

const unitTags = ['state', 'count-total', 'count-good', 'count-scrap', 'load', 'temperature'] as const;
const meterTags = ['kwh', 'power', 'reactive-power', 'power-factor', 'voltage', 'current', 'frequency'] as const;

/** A unit runs 12 minutes, is broken for 2, idles for 1; each a little later than the one before it. */
const cycleS = 900;
const runS = 720;
const faultS = 120;
const stepS = 37;
const plannedRunTimeS = 2;
/** Every so many pieces one is scrap. */
const scrapEvery = 20;

const roleOf = {
  state: 'state',
  'count-total': 'count_total',
  'count-good': 'count_good',
  'count-scrap': 'count_scrap',
  kwh: 'kwh_import',
  power: 'p_kw',
  'reactive-power': 'q_kvar',
  'power-factor': 'power_factor',
} as const satisfies Partial<Record<(typeof unitTags)[number] | (typeof meterTags)[number], TagDeclaration['role']>>;

const runSeconds = (second: number): number => Math.floor(second / cycleS) * runS + Math.min(second % cycleS, runS);
/** Seconds since the unit's own cycle began, which was before the bench. */
const ownTime = (unit: number, second: number): number => second + cycleS * 100 - unit * stepS;
const total = (unit: number, second: number): number => Math.floor(runSeconds(ownTime(unit, second)) / plannedRunTimeS);
const good = (unit: number, second: number): number => {
  const pieces = total(unit, second);
  return pieces - Math.floor(pieces / scrapEvery);
};
const stateOf = (unit: number, second: number): number => {
  const inCycle = ownTime(unit, second) % cycleS;
  return inCycle < runS ? 6 : inCycle < runS + faultS ? 9 : 4;
};
const unitsPerLine = 12;
const unitsPerMeter = 3;

export function createEvenFactory(name: string, { units, meters }: Size, startUs: TimeUs): EvenFactory {
  /** The first meter is above the others. In Wh a second, so that everything is exact. */
  const wattHours = (meter: number): number => (meter === 0 ? (meters * (meters - 1)) / 2 + 10 : meter);
  const registerWh = (meter: number, second: number): number => second * wattHours(meter);
  const site = `bench/${name}`;
  const unitPath = (unit: number) => `hall/line-${1 + Math.floor(unit / unitsPerLine)}/unit-${unit}`;
  const meterPath = (meter: number) => (meter === 0 ? 'energy/main' : `energy/sub-${meter}`);
  const declare = (path: string, tag: (typeof unitTags)[number] | (typeof meterTags)[number]): TagDeclaration => {
    const role = tag in roleOf ? roleOf[tag as keyof typeof roleOf] : 'process';
    const isInteger = path.startsWith('hall') && role !== 'process';
    return {
      path: `${path}/${tag}`,
      type: isInteger ? 'int' : 'float',
      unit: '',
      role,
      intervalMs: 1000,
      ...(role.startsWith('count') && { counter: { scale: 1, maxRatePerS: 2 } }),
      report: { mode: 'always', deadband: 0, deadbandPercent: 0, heartbeatMs: 60_000 },
      address: '',
      inspect: {} as TagDeclaration['inspect'],
    };
  };
  const each = (count: number) => Array.from({ length: count }, (_, i) => i);
  const tags = [
    ...each(units).flatMap((unit) => unitTags.map((tag) => declare(unitPath(unit), tag))),
    ...each(meters).flatMap((meter) => meterTags.map((tag) => declare(meterPath(meter), tag))),
  ];
  const zeros = tags.map(() => 0);
  const between = (list: readonly number[], path: (i: number) => string, at: (i: number, second: number) => number) => {
    return (from: number, to: number) =>
      new Map(list.map((i) => [`${site}/${path(i)}`, at(i, to) - at(i, from)] as const));
  };

  return {
    name,
    site,
    startUs,
    tags,
    plant: { file: `${name}.yaml`, content: JSON.stringify(plantOf(site, { units, meters }, unitPath, meterPath)) },
    second(second, ids) {
      const values: number[] = [];
      const tremble = Math.sin(second) * 0.5;
      for (let unit = 0; unit < units; unit++) {
        const [made, fine] = [total(unit, second), good(unit, second)];
        values.push(stateOf(unit, second), made, fine, made - fine, round(60 + unit * tremble), round(40 + tremble));
      }
      for (let meter = 0; meter < meters; meter++) {
        const kw = wattHours(meter) * 3.6;
        const kwh = registerWh(meter, second) / 1000;
        values.push(kwh, kw, round(kw / 3 + tremble), 0.95, round(230 + tremble), round(kw + tremble), 50);
      }
      const times = ids.map(() => startUs + second * 1e6);
      return { tags: ids, times, values, qualities: zeros, flags: zeros };
    },
    good: between(each(units), unitPath, good),
    kwh: between(each(meters), meterPath, (meter, second) => registerWh(meter, second) / 1000),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Frames of seconds [from, to), one of every `everyS`, with the watermark of each, as an agent accepts them. */
export function framesOf(
  factory: EvenFactory,
  idByPath: ReadonlyMap<string, number>,
  { from, to, everyS = 1, perFrame = 1 }: { from: number; to: number; everyS?: number; perFrame?: number },
): Chunk[] {
  const ids = factory.tags.map(({ path }) => idByPath.get(path)!);
  const health = (name: string) => idByPath.get(`health/${factory.name}/${name}`)!;
  const chunks: Chunk[] = [];
  for (let second = from; second < to; second += everyS * perFrame) {
    const seconds = Array.from({ length: perFrame }, (_, i) => second + i * everyS).filter((one) => one < to);
    chunks.push(chunkOf('normal', join(seconds.map((one) => factory.second(one, ids)))));
    const last = seconds.at(-1)!;
    if (everyS * perFrame < watermarkS && last % watermarkS !== 0) continue;
    const time = factory.startUs + last * 1e6;
    const told = { time, quality: 0, flags: 0 };
    const begun = second === 0 ? [{ ...told, tag: health('session'), value: true, time: factory.startUs }] : [];
    chunks.push(chunkOf('critical', toColumns([...begun, { ...told, tag: health('through'), value: time }])));
  }
  return chunks;
}

const watermarkS = 5;

const chunkOf = (keep: Chunk['keep'], samples: SampleColumns): Chunk => ({
  keep,
  count: samples.tags.length,
  payload: encodePayload(samples),
});

const join = (parts: readonly SampleColumns[]): SampleColumns =>
  parts.length === 1
    ? parts[0]!
    : {
        tags: parts.flatMap(({ tags }) => tags),
        times: parts.flatMap(({ times }) => times),
        values: parts.flatMap(({ values }) => values),
        qualities: parts.flatMap(({ qualities }) => qualities),
        flags: parts.flatMap(({ flags }) => flags),
      };

function plantOf(
  site: string,
  { units, meters }: Size,
  unitPath: (unit: number) => string,
  meterPath: (meter: number) => string,
): object {
  const named = (text: string) => ({ en: text, fa: text });
  const lines = Array.from({ length: Math.ceil(units / unitsPerLine) }, (_, line) => ({
    code: `line-${line + 1}`,
    name: named(`Line ${line + 1}`),
    units: Array.from({ length: Math.min(unitsPerLine, units - line * unitsPerLine) }, (_, i) => {
      const code = unitPath(line * unitsPerLine + i)
        .split('/')
        .at(-1)!;
      return { code, name: named(code), stateMap: 'packml' };
    }),
  }));
  const paths = Array.from({ length: units }, (_, unit) => unitPath(unit));
  return {
    site,
    name: named(site),
    businessDayStart: '06:00',
    stateMaps: { packml: { kind: 'enum', states: { 4: 'IDLE', 6: 'RUN', 9: 'FAULT' } } },
    shifts: [
      { code: 'morning', name: named('Morning'), start: '06:00', end: '14:00' },
      { code: 'afternoon', name: named('Afternoon'), start: '14:00', end: '22:00' },
      { code: 'night', name: named('Night'), start: '22:00', end: '06:00' },
    ],
    areas: [{ code: 'hall', name: named('Hall'), lines }],
    products: [{ code: 'piece', name: named('Piece'), rates: paths.map((unit) => ({ unit, plannedRunTimeS })) }],
    meters: Array.from({ length: meters }, (_, meter) => ({
      path: meterPath(meter),
      name: named(meterPath(meter)),
      carrier: 'electricity',
      ...(meter > 0 && {
        parent: meterPath(0),
        measures: paths.slice((meter - 1) * unitsPerMeter, meter * unitsPerMeter),
      }),
    })),
    tariffs: [
      {
        code: 'bench',
        name: named('bench'),
        source: 'figures of the bench',
        bands: [
          { band: 'peak', start: '17:00', end: '21:00' },
          { band: 'low', start: '21:00', end: '05:00' },
          { band: 'mid', start: '05:00', end: '17:00' },
        ],
        prices: { peak: 20_000, mid: 10_000, low: 5000 },
      },
    ],
    factors: [{ carrier: 'electricity', kind: 'emission', value: 0.655, source: 'figures of the bench' }],
  };
}
