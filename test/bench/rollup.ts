/**
 * `rollup-embedded` and `rollup-influx`: 5,000 tags that all give a value every second, through the whole hub into the store,
 * with the roll-up beside it making a pass every minute, as it does in production. How many seconds of the factories a
 * second of the wall takes in, counted from when a quarter-hour becomes final to when a later one does; and every figure
 * that comes of it is compared with arithmetic.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startInfluxd } from '../support/influxd.ts';
import { createStepClock } from '../support/step-clock.ts';
import { openVirtualAgent, type VirtualAgent } from '../support/virtual-agent.ts';
import { startVirtualHub, type VirtualHub } from '../support/virtual-hub.ts';
import type { Bench, BenchContext, Figure } from './bench.ts';
import { createEvenFactory, type EvenFactory, framesOf } from './even-factory.ts';

const factoryCount = 10;
const size = { units: 60, meters: 20 };
const startUs = Date.parse('2026-11-23T08:00:00+03:30') * 1000;
const usualHours = 0.5;
const usualWallS = 240;
const minuteS = 60;
const quarterMinutes = 15;
const quarterS = quarterMinutes * minuteS;
/** A quarter-hour is final when its sources have told as much beyond its end as a stop must last to be a failure, and a pass has seen it. */
const finalAfterMinutes = 6;

export const rollupEmbedded: Bench = {
  names: ['rollup-embedded'],
  async *run(context) {
    yield await rollup('rollup-embedded', undefined, 10, context);
  },
};

export const rollupInflux: Bench = {
  names: ['rollup-influx'],
  async *run(context) {
    await using influxd = await startInfluxd({ dir: join(context.dir, 'rollup-influxd') });
    yield await rollup('rollup-influx', influxd.url, 5, context);
  },
};

async function rollup(
  name: string,
  influx: string | undefined,
  atLeast: number,
  { dir, hours = usualHours, seconds: mostWallS = usualWallS, agents: count = factoryCount, progress }: BenchContext,
): Promise<Figure> {
  const minutes = Math.max(1, Math.round(hours * 4)) * quarterMinutes + finalAfterMinutes;
  const clock = createStepClock(startUs);
  const factories = Array.from({ length: count }, (_, i) => createEvenFactory(`even-${i}`, size, startUs));
  const tagCount = factories.reduce((sum, { tags }) => sum + tags.length, 0);
  await using hub = await startVirtualHub({
    dir: join(dir, name),
    clock,
    plants: factories.map(({ plant }) => plant),
    agents: factories.map((factory) => factory.name),
    influx,
  });
  await using running = new AsyncDisposableStack();
  const agents: VirtualAgent[] = [];
  for (const { name: agent, site, tags } of factories) {
    const password = hub.passwords.get(agent)!;
    const sources = [{ id: agent, tags }];
    agents.push(running.use(await openVirtualAgent({ agent, site, sources, clock, mqttUrl: hub.mqttUrl, password })));
  }
  progress(`${name}: ${minutes} minutes of ${tagCount} tags, for ${mostWallS} s at most`);
  for (const agent of agents) agent.connect();
  let wallMs = 0;
  let minute = 0;
  while (minute < minutes && wallMs < mostWallS * 1000) {
    const span = { from: minute * minuteS, to: (minute + 1) * minuteS };
    const frames = agents.map((agent, i) => framesOf(factories[i]!, agent.ids, span));
    // Making them is the work of other machines.
    const startedAt = performance.now();
    const arrived = agents.map(async (agent, i) => {
      await agent.append(frames[i]!);
      await agent.settled();
    });
    // The roll-up computes what arrived before, while this arrives.
    await Promise.race([Promise.all([...arrived, clock.advanceTo(startUs + span.to * 1e6)]), hub.ended]);
    minute += 1;
    if (minute > finalAfterMinutes) wallMs += performance.now() - startedAt;
  }
  const startedAt = performance.now();
  await Promise.race([clock.advanceTo(startUs + (minute + 1) * minuteS * 1e6), hub.ended]);
  wallMs += performance.now() - startedAt;
  progress(`${name}: comparing`);
  const compared = await compare(hub, factories, Math.floor((minute - finalAfterMinutes) / quarterMinutes));
  return {
    name,
    value: ((minute - finalAfterMinutes) * minuteS * 1000) / wallMs,
    unit: '× real time',
    reference: null,
    note: `${tagCount} tags at 1 s, ${minute - finalAfterMinutes} minutes in ${(wallMs / 1000).toFixed(1)} s; ${compared} figures equal arithmetic`,
    atLeast,
  };
}

interface Value {
  readonly asset: string;
  readonly start: string;
  readonly value: number;
  readonly status: string;
}

/** Pieces and energy of every quarter-hour, of every unit and meter. */
async function compare(hub: VirtualHub, factories: readonly EvenFactory[], quarters: number): Promise<number> {
  let compared = 0;
  for (let from = 0; from < quarters * quarterS; from += quarterS) {
    const at = (second: number) => new Date(startUs / 1000 + second * 1000).toISOString();
    for (const factory of factories) {
      for (const [kpi, truth] of [
        ['prod.volume', factory.good(from, from + quarterS)],
        ['en.kwh', factory.kwh(from, from + quarterS)],
      ] as const) {
        const query = `kpi=${kpi}&asset=${[...truth.keys()].join()}&granularity=15min`;
        const { data } = await hub.get<{ data: Value[] }>(
          `/api/v1/kpi-values?${query}&from=${at(from)}&to=${at(from + quarterS)}&limit=1000`,
        );
        assert.equal(data.length, truth.size, `${kpi} of ${factory.site}`);
        for (const { asset, value, status, start } of data) {
          const expected = truth.get(asset)!;
          assert.equal(status, 'ok', `${kpi} of ${asset} at ${start}`);
          const isClose = Math.abs(value - expected) <= 1e-9 * Math.max(1, expected);
          assert.ok(isClose, `${kpi} of ${asset} at ${start}: ${value}, and truly ${expected}`);
          compared += 1;
        }
      }
    }
  }
  return compared;
}
