/**
 * A day of the demo, as fast as it goes, through the whole hub: its figures are those of the factory's own truth.
 * `npm run bench -- truth` does the same with two days and every tag.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startVirtualHub, type VirtualHub } from '../support/virtual-hub.ts';
import { allValues, compareFigures, createTruth, type Value } from './compare.ts';
import { figuresOnly, live } from './live.ts';
import { hourUs, type Mishap, minuteUs, mishaps, plantFiles, startUs } from './scenario.ts';

const scenario = { startUs, mishaps, plants: plantFiles(), measured: figuresOnly };

t.test('every figure is what the factory says, and is the same when it is made anew', async (t) => {
  const dir = t.testdir();
  const { clock, loops, told, computedUs } = await (async () => {
    await using lived = await live({ ...scenario, dir, days: 1, stepUs: 2 * hourUs });
    const compared = await compareFigures(lived.hub, createTruth(lived.agents, lived.truth), lived);
    t.same(compared.filter(({ agrees }) => !agrees).slice(0, 20), []);
    const kpis = new Set(compared.filter(({ value }) => value !== null).map(({ kpi }) => kpi));
    t.ok(compared.length > 4500 && kpis.size > 35, `${compared.length} figures of ${kpis.size} KPIs`);
    const { clock, computedUs } = lived;
    return { clock, loops: clock.asleep, computedUs, told: await everything(lived.hub, computedUs) };
  })();

  t.ok(
    told.some(({ revision }) => revision > 1),
    'what came late has restated figures',
  );
  for (const name of ['rollup.db', 'rollup.db-wal', 'rollup.db-shm']) rmSync(join(dir, name), { force: true });
  await using hub = await startVirtualHub({ dir, clock, plants: plantFiles(), agents: [] });
  // Its loops have all made their first pass.
  await Promise.race([clock.whenAsleep(loops), hub.ended]);
  t.same((await everything(hub, computedUs)).map(figure), told.map(figure), `${told.length} values without rollup.db`);
});

t.test('both stores give the same figures', async (t) => {
  if (!requireOrSkip(t, 'influxd')) return;
  const dir = t.testdir();
  await using influxd = await startInfluxd({ dir: join(dir, 'influxd') });
  const early = mishaps.slice(0, 2).map((one, index): Mishap => {
    const from = startUs + (index + 1) * 20 * minuteUs;
    return { ...one, from, to: from + (one.to - one.from) };
  });
  const figuresOf = async (influx: string | undefined) => {
    const places = { dir: join(dir, influx ? 'a' : 'b'), influx };
    await using lived = await live({ ...scenario, ...places, mishaps: early, days: 1 / 24, stepUs: hourUs / 2 });
    return (await everything(lived.hub, lived.computedUs)).map(figure);
  };
  const embedded = await figuresOf(undefined);
  t.ok(embedded.length > 300, `${embedded.length} figures`);
  t.same(await figuresOf(influxd.url), embedded);
});

const everything = async (hub: VirtualHub, until: number): Promise<Value[]> => {
  const found: Value[] = [];
  for (const granularity of ['15min', 'hour', 'shift', 'day', 'week', 'month']) {
    found.push(...(await allValues(hub, granularity, [startUs, until - minuteUs])));
  }
  return found;
};

/** Without how it came about. */
const figure = ({ kpi, asset, start, end, value, status, coverage, input_hash, elements }: Value) =>
  [kpi, asset, start, end, value, status, coverage, input_hash, JSON.stringify(elements)].join(' ');
