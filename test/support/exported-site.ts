/** A site of two days in Tir 1404, rolled up, behind a hub that exports it. */
import type { Test } from 'tap';
import type { ReportLog } from '../../hub/reports/report-log.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { startHub } from '../hub/http-fixture.ts';
import { createRolledSite, kpisOf, type SampleEvent } from './rolled-site.ts';
import { local, site, states, vectorPlant } from './vector-plant.ts';

const minute = 60e6;
const never = new AbortController().signal;

/** What a person has typed into the plant model; a spreadsheet would run it. */
export const hostileName = '=HYPERLINK("http://evil","کنتور")';

const exportedPlant = vectorPlant({
  // Two days of a month are worth telling here.
  coverage: { ok: 0.02, partial: 0.01 },
  areas: [
    {
      code: 'area',
      name: { en: 'Hall', fa: 'سالن' },
      lines: [
        {
          code: 'line',
          name: { en: 'Line', fa: 'خط' },
          units: [{ code: 'm1', name: { en: 'Machine 1', fa: 'ماشین ۱' }, stateMap: 'machine' }],
        },
      ],
    },
  ],
  products: [{ code: 'p0', name: { en: 'p0', fa: 'p0' }, rates: [{ unit: 'area/line/m1', plannedRunTimeS: 30 }] }],
  orders: [],
  name: { en: 'Test plant', fa: 'کارخانهٔ آزمایشی' },
  meters: [
    {
      path: 'energy/main',
      name: { en: hostileName, fa: hostileName },
      carrier: 'electricity',
      subscription: '۱۲۳۴۵',
    },
  ],
  tariffs: [
    {
      code: 'test',
      name: { en: 'test', fa: 'آزمایش' },
      source: 'the test',
      bands: [
        { band: 'peak', start: '12:00', end: '16:00' },
        { band: 'mid', start: '16:00', end: '12:00' },
      ],
      prices: { peak: 20, mid: 10, low: 5 },
    },
  ],
  limits: [
    {
      code: 'cap',
      meter: 'energy/main',
      from: '2025-07-07',
      to: '2025-07-08',
      start: '08:00',
      end: '10:00',
      referenceKw: 100,
      percent: 50,
      source: 'the test',
    },
  ],
  pilot: {
    from: '1404-04-17',
    baseline: { from: '1404-04-16', to: '1404-04-17' },
    declared: [{ kpi: 'prod.scrap', asset: 'area/line', value: 0.2, days: 30, source: 'a signed record' }],
    staticChanges: [{ date: '1404-04-17', what: { en: 'a new gearbox', fa: 'گیربکس تازه' } }],
  },
  contracts: [{ meter: 'energy/main', demandKw: 90, source: 'the test' }],
  targets: [{ kpi: 'prod.oee', asset: 'area/line', value: 0.4 }],
  reasons: [{ code: 'tool', name: { en: 'Tool change', fa: 'تعویض ابزار' }, class: 'failure' }],
});

/**
 * Unit m1 runs from 06:00 to 14:00 with a fault from 11:00 to 11:30 and makes a piece a minute, of which each tenth is
 * scrap; the meter counts 1 kWh a minute, and 2 from 12:00 to 13:00.
 */
export async function exportedHub(t: Test) {
  const rolled = createRolledSite(site, 1);
  const agent = rolled.agents[0]!;
  for (const tag of ['state', 'mode'])
    agent.tag(`area/line/m1/${tag}`, { role: tag === 'state' ? 'state' : 'process' });
  for (const name of ['total', 'good'] as const) {
    agent.tag(`area/line/m1/count-${name}`, { role: `count_${name}`, counter: { scale: 1 } });
  }
  agent.tag('energy/main/kwh', { role: 'kwh_import', type: 'float' });
  const events: SampleEvent[] = [];
  const say = (path: string, time: TimeUs, value: SampleValue) => events.push({ agent: 0, path, time, value });
  let [total, good, kwh] = [0, 0, 0];
  say('health/plc/session', local('05:00'), true);
  say('area/line/m1/mode', local('05:00'), 1);
  for (const day of ['2025-07-07', '2025-07-08']) {
    const at = (time: string) => local(time, day);
    say('area/line/m1/state', at('05:00'), states.RUN);
    say('area/line/m1/state', at('11:00'), states.FAULT);
    say('area/line/m1/state', at('11:30'), states.RUN);
    for (let time = at('05:00'); time < at('05:00') + 24 * 60 * minute; time += minute) {
      const runs = time < at('11:00') || (time >= at('11:30') && time < at('14:00'));
      if (runs && ++total % 10 !== 0) good++;
      kwh += time > at('12:00') && time <= at('13:00') ? 2 : 1;
      say('health/plc/through', time, time);
      say('area/line/m1/count-total', time, total);
      say('area/line/m1/count-good', time, good);
      say('energy/main/kwh', time, kwh);
    }
  }
  const clock = { now: local('05:00', '2025-07-09') };
  rolled.arrive(events, clock.now);
  let issued: ReportLog | undefined;
  const rollUp = rolled.rollUp(
    exportedPlant,
    clock,
    undefined,
    (path, { start, end }) =>
      issued?.touching(path, start, end).some((one) => one.start <= start && end <= one.end) ?? false,
  );
  await rollUp.once(never);
  const hub = await startHub(t, {
    plants: [exportedPlant],
    kpis: kpisOf(exportedPlant, rollUp),
  });
  issued = hub.access.reports;
  hub.time.now = clock.now;
  return { hub, clock, rollUp, rolled, samples: agent, plant: exportedPlant };
}
