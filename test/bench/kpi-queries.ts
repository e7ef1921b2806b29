/**
 * `kpi-queries-embedded` and `kpi-queries-influx`: a month of 50 units and 10 meters, asked for over HTTP as an analyst does:
 * OEE of all units by day, every KPI of a unit by day, and the energy of all meters by quarter-hour, its first page; to the
 * last byte of the answer. Then the monthly workbook.
 *
 * The hub rolls up the first day from samples; the other days repeat its cells (`repeated-month.ts`), because a month of
 * samples would take an hour. Queries read buckets and the ledger, never samples: what is asked then is a hub like any other.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readPlant } from '../../hub/commands/read-plant.ts';
import { buildPlant } from '../../hub/plant/plant.ts';
import { startInfluxd } from '../support/influxd.ts';
import { createStepClock } from '../support/step-clock.ts';
import { openVirtualAgent } from '../support/virtual-agent.ts';
import { startVirtualHub, type VirtualHub } from '../support/virtual-hub.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { createEvenFactory, type EvenFactory, framesOf } from './even-factory.ts';
import { repeatDay } from './repeated-month.ts';

/** 1 Aban 1405, and its 30 days. */
const startUs = Date.parse('2026-10-23T06:00:00+03:30') * 1000;
const days = 30;
const dayS = 86_400;
const hourS = 3600;
const quarterS = 900;
/** A value of each tag so often: what is asked for is rolled up, whatever it came from. */
const everyS = 60;
/** After the end of a day, when its last cell is final and the next one is not. */
const afterS = 16 * 60;
const rounds = 40;
const warmUps = 5;
/** A machine that does other things as well says by their spread how far the figure is its own. */
const batches = 5;
const setupMs = 300_000;

export const kpiQueriesEmbedded: Bench = {
  names: ['kpi-queries-embedded'],
  run: (context) => queries('kpi-queries-embedded', undefined, context),
};

export const kpiQueriesInflux: Bench = {
  names: ['kpi-queries-influx'],
  async *run(context) {
    await using influxd = await startInfluxd({ dir: join(context.dir, 'kpi-queries-influxd') });
    yield* queries('kpi-queries-influx', influxd.url, context);
  },
};

async function* queries(
  name: string,
  influx: string | undefined,
  { dir, progress }: BenchContext,
): AsyncGenerator<Figure> {
  const factory = createEvenFactory('month', { units: 50, meters: 10 }, startUs);
  const folder = join(dir, name);
  progress(`${name}: a day`);
  const loops = await rollUpDay(factory, folder, influx);
  progress(`${name}: the month`);
  const plant = buildPlant(readPlant(factory.plant.content, factory.plant.file));
  const span = { start: startUs, days, signal: AbortSignal.timeout(setupMs) };
  const cells = await repeatDay(join(folder, 'rollup.db'), plant, span);
  const clock = createStepClock(startUs + (days * dayS + afterS) * 1e6);
  await using hub = await startVirtualHub({ dir: folder, clock, plants: [factory.plant], agents: ['month'], influx });
  // What a hub does once, after its start, is not what it does while it is asked.
  await Promise.race([clock.whenAsleep(loops), hub.ended]);
  progress(`${name}: asking, ${cells} cells`);

  const at = (second: number) => new Date(startUs / 1000 + second * 1000).toISOString();
  const range = `from=${at(0)}&to=${at(days * dayS)}`;
  const units = [...factory.good(0, 0).keys()];
  const meters = [...factory.kwh(0, 0).keys()];
  const measure = async (query: (round: number) => string): Promise<Measured> => {
    let answer = '';
    const ask = async (round: number): Promise<number> => {
      const startedAt = performance.now();
      answer = await (await hub.fetch(`/api/v1/kpi-values?${query(round)}`)).text();
      return performance.now() - startedAt;
    };
    for (let round = 0; round < warmUps; round++) await ask(round);
    const found: number[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) times.push(await ask(round));
      found.push(times.sort((a, b) => a - b)[Math.ceil(0.95 * rounds) - 1]!);
    }
    const { data } = JSON.parse(answer) as { data: readonly Told[] };
    const said = found.sort((a, b) => a - b).map((p95) => Math.round(p95));
    return { p95: found[0]!, note: `p95 of ${rounds}, the quietest of batches with ${said.join(', ')}`, rows: data };
  };
  const byDay = await measure(() => `kpi=prod.oee&asset=${units.join()}&granularity=day&${range}&limit=10000`);
  yield {
    ...{ name: `${name}-day`, value: byDay.p95, unit: 'ms', reference: null, atMost: 150 },
    note: `${byDay.note}: OEE of 50 units by day, ${byDay.rows.length} values in one page`,
  };
  const all = await measure((round) => `asset=${units[round % 50]}&granularity=day&${range}&limit=10000`);
  yield {
    ...{ name: `${name}-unit`, value: all.p95, unit: 'ms', reference: null, atMost: 150 },
    note: `${all.note}: every KPI of a unit by day, ${all.rows.length} values in one page`,
  };
  const energy = await measure(() => `kpi=en.kwh&asset=${meters.join()}&granularity=15min&${range}`);
  yield {
    ...{ name: `${name}-15min`, value: energy.p95, unit: 'ms', reference: null, atMost: 300 },
    note: `${energy.note}: energy of 10 meters by quarter-hour, the first ${energy.rows.length} of ${meters.length * days * 96} values`,
  };
  yield {
    ...{
      name: `${name}-workbook`,
      value: await makeWorkbook(hub, factory.site),
      unit: 's',
      reference: null,
      atMost: 10,
    },
    note: 'the Persian workbook of the month, from the question until its file is there',
  };
  const pieces = await measure(() => `kpi=prod.volume&asset=${units.join()}&granularity=day&${range}&limit=10000`);
  const wrong = wrongOf(factory, pieces.rows, energy.rows);
  if (wrong.length > 0) progress(`${name}: wrong is ${JSON.stringify(wrong[0])}`);
  yield {
    ...{ name: `${name}-right`, value: wrong.length, unit: 'wrong values', reference: null, atMost: 0 },
    note: `of ${pieces.rows.length} days of pieces and ${energy.rows.length} quarter-hours of energy, by the factory's arithmetic`,
  };
}

interface Told {
  readonly kpi: string;
  readonly asset: string;
  readonly start: string;
  readonly value: number | null;
}

interface Measured {
  readonly p95: number;
  readonly note: string;
  /** Of the last answer. */
  readonly rows: readonly Told[];
}

/** The monthly workbook in Persian, as a job. @returns seconds from the question until its file is there */
async function makeWorkbook(hub: VirtualHub, site: string): Promise<number> {
  const startedAt = performance.now();
  const asked = { template: 'workbook', site, period: '1405-08', language: 'fa' };
  const headers = { 'content-type': 'application/json' };
  const response = await hub.fetch('/api/v1/exports', { method: 'POST', headers, body: JSON.stringify(asked) });
  const { id } = (await response.json()) as { id: string };
  const end = AbortSignal.timeout(setupMs);
  for (;;) {
    const { state, error } = await hub.get<{ state: string; error: string | null }>(`/api/v1/exports/${id}`);
    if (state === 'done') return (performance.now() - startedAt) / 1000;
    if (state === 'failed') throw new Error(`the workbook: ${error}`);
    await delay(50, undefined, { signal: end });
  }
}

/** Those that are not what the factory's arithmetic says: pieces of a day, energy of a quarter-hour. */
function wrongOf(factory: EvenFactory, days: readonly Told[], quarters: readonly Told[]): Told[] {
  const [made, used] = [factory.good(0, dayS), factory.kwh(0, quarterS)];
  const differs = (value: number | null, expected: number) =>
    value === null || Math.abs(value - expected) > 1e-9 * Math.max(1, expected);
  return [
    ...days.filter(({ asset, value }) => differs(value, made.get(asset)!)),
    ...quarters.filter(({ asset, value }) => differs(value, used.get(asset)!)),
  ];
}

/**
 * Its last second begins the next day, so that all of it is told.
 * @returns how many loops of a hub sleep while nothing is to be done
 */
async function rollUpDay(factory: EvenFactory, dir: string, influx: string | undefined): Promise<number> {
  const { name, site, tags, plant } = factory;
  const clock = createStepClock(startUs);
  await using hub = await startVirtualHub({ dir, clock, plants: [plant], agents: [name], influx });
  const password = hub.passwords.get(name)!;
  const sources = [{ id: name, tags }];
  await using agent = await openVirtualAgent({ agent: name, site, sources, clock, mqttUrl: hub.mqttUrl, password });
  agent.connect();
  // A tag lives from when its first frame was accepted: that one must not wait for the rest of its hour.
  await agent.append(framesOf(factory, agent.ids, { from: 0, to: 1, everyS }), startUs);
  await agent.settled();
  for (let from = 0; from <= dayS; from += hourS) {
    const to = from === dayS ? from + 1 : from + hourS;
    await agent.append(
      framesOf(factory, agent.ids, { from: Math.max(from, everyS), to, everyS, perFrame: 15 }),
      startUs + to * 1e6,
    );
    await agent.settled();
    const until = from === dayS ? from + afterS : to;
    await Promise.race([clock.advanceTo(startUs + until * 1e6), hub.ended]);
  }
  return clock.asleep;
}
