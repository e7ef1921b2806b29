/**
 * A day of the demo, as fast as it goes, through the whole hub: its figures are those of the factory's own truth.
 * `npm run bench -- truth` does the same with two days, every tag, and each frame at the hub when it would be there.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ofTiming, storeFigures } from '../contract/figures.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startVirtualHub } from '../support/virtual-hub.ts';
import { compareFigures, figuresUntil } from '../truth/compare.ts';
import { sayWhatPeopleKnow } from '../truth/entries.ts';
import { heldKpis, notHeld } from '../truth/held.ts';
import { figuresOnly, live } from '../truth/live.ts';
import { hourUs, mishaps, plantFiles, startUs } from '../truth/scenario.ts';
import { createTruth } from '../truth/truth.ts';

t.test('every figure is what the factory says, and is the same when it is made anew', async (t) => {
  const dir = t.testdir();
  const { clock, loops, told, computedUs } = await (async () => {
    const plants = plantFiles();
    await using lived = await live({
      ...{ startUs, mishaps, plants, measured: figuresOnly, said: sayWhatPeopleKnow },
      ...{ dir, days: 1, stepUs: 2 * hourUs },
    });
    const compared = await compareFigures(
      lived.hub,
      createTruth(lived.agents, lived.truth, mishaps, lived.endUs),
      lived,
    );
    t.same(compared.filter(({ agrees }) => !agrees).slice(0, 20), []);
    const held = heldKpis(compared);
    t.same(notHeld(held), ofTiming.toSorted(), 'every KPI is held, here or in the hour below');
    t.ok(compared.length > 7500, `${compared.length} figures of ${held.length} KPIs`);
    const { clock, computedUs } = lived;
    return { clock, loops: clock.asleep, computedUs, told: await figuresUntil(lived.hub, computedUs) };
  })();

  t.ok(
    told.some(({ revision }) => revision > 1),
    'what came late has restated figures',
  );
  for (const name of ['rollup.db', 'rollup.db-wal', 'rollup.db-shm']) rmSync(join(dir, name), { force: true });
  await using hub = await startVirtualHub({ dir, clock, plants: plantFiles(), agents: [] });
  // Its loops have all made their first pass.
  await Promise.race([clock.whenAsleep(loops), hub.ended]);
  const anew = await figuresUntil(hub, computedUs);
  t.same(
    anew.map(({ figure }) => figure),
    told.map(({ figure }) => figure),
    `${told.length} values without rollup.db`,
  );
  for (const kpi of new Set(anew.map((one) => one.kpi))) {
    const own = anew.filter((one) => one.kpi === kpi);
    const lengths = new Set(own.map(({ granularity }) => granularity));
    const alone = await figuresUntil(hub, computedUs, { kpi, lengths });
    t.same(
      alone.map(({ figure }) => figure),
      own.map(({ figure }) => figure),
      `${kpi} is the same when it is asked for alone`,
    );
  }
});

t.test('an hour is told as it was on either store, when data came as well, and alike', async (t) => {
  const dir = t.testdir();
  const embedded = await storeFigures(t, { dir: join(dir, 'embedded') });
  t.ok(embedded.length > 300, `${embedded.length} figures`);
  if (!requireOrSkip(t, 'influxd')) return;
  await using influxd = await startInfluxd({ dir: join(dir, 'influxd') });
  t.same(await storeFigures(t, { dir: join(dir, 'influx'), influx: influxd.url }), embedded);
});
