/**
 * `node test/support/demo-month.ts FOLDER [--month 1405-08] [--days 30]`: lets the demo's two plants live for a month, measured
 * every ten seconds, in some minutes; people explain some of the stops. Then both languages of the monthly workbook of each
 * site lie in FOLDER, and of a whole month the official ones as the hub issues them, and in FOLDER/hub a hub's data that
 * `payesh-hub run` can serve. The hub hears of everything twice a day only: what the workbook says of connection, latency
 * and clocks is of that, not of a factory.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse, stringify } from 'yaml';
import { figuresOnly, live } from '../truth/live.ts';
import { dayUs, hourUs, machining, packaging } from '../truth/scenario.ts';
import type { VirtualHub } from './virtual-hub.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { month: { type: 'string', default: '1405-08' }, days: { type: 'string', default: '30' } },
});
const folder = resolve(positionals[0] ?? 'var/demo-month');
const plantFolder = join(import.meta.dirname, '../../config/demo/plants');
/** The second half of the month is held against the first. */
const [pilotFrom, baselineFrom] = [`${values.month}-16`, `${values.month}-01`];
const pilot = { from: pilotFrom, baseline: { from: baselineFrom, to: pilotFrom } };
const reference = { from: '1405-06-01', to: '1405-08-01' };
const baseline = (intercept: number, coefficient: number) => ({
  ...{
    code: 'demo',
    meter: 'energy/main',
    kind: 'linear',
    per: 'day',
    intercept,
    reference,
    author: 'figures of the demo',
  },
  terms: [{ variable: 'GQ', coefficient }],
});
/** The factory keeps this limit, most of the time. */
const limit = {
  ...{ code: 'noon', meter: 'energy/main', from: baselineFrom, to: `${values.month}-29`, start: '12:00', end: '12:30' },
  ...{ referenceKw: 50, percent: 50, source: 'figures of the demo' },
};
const added = {
  'machining.yaml': { pilot, baselines: [baseline(300, 0.075)] },
  'packaging.yaml': { pilot, baselines: [baseline(510, 0.005)], limits: [limit] },
};
const plants = Object.entries(added).map(([file, more]) => {
  const declared = parse(readFileSync(join(plantFolder, file), 'utf8'));
  return { file, content: stringify({ ...declared, ...more }) };
});
/** 1 Aban 1405. */
const startUs = Date.parse('2026-10-23T06:00:00+03:30') * 1000;

await using lived = await live({
  ...{ dir: join(folder, 'hub'), startUs, days: Number(values.days), plants, measured: figuresOnly },
  ...{ stepUs: dayUs / 2, everyUs: 10e6, progress: (text) => process.stderr.write(`… ${text}\n`) },
});
await explainStops(lived.hub);
await Promise.race([lived.clock.advanceTo(lived.computedUs + hourUs), lived.hub.ended]);
for (const site of [machining, packaging]) {
  for (const language of ['fa', 'en']) console.log(await workbook(lived.hub, site, language));
}
if (Number(values.days) >= 30) {
  // The fifth of the next month, a little after noon.
  await Promise.race([lived.clock.advanceTo(startUs + 34 * dayUs + 6.5 * hourUs), lived.hub.ended]);
  for (const site of [machining, packaging]) {
    for (const language of ['fa', 'en']) console.log(await officialWorkbook(lived.hub, site, language));
  }
}

/** The month is issued beside everything else, in its own time. */
async function officialWorkbook(hub: VirtualHub, site: string, language: string): Promise<string> {
  for (let waitedS = 0; ; waitedS++) {
    try {
      return await workbook(hub, site, language, true);
    } catch (error) {
      if (waitedS === 120 || !(error instanceof Error && error.message.includes('not issued yet'))) throw error;
      await delay(1000);
    }
  }
}

/** A stop of half an hour every day, with a reason for each second one. */
async function explainStops(hub: VirtualHub): Promise<void> {
  const reasons = ['tool', 'electrics', 'material', 'mechanics'];
  const units = [`${machining}/machining/line-1/cnc-1`, `${packaging}/packaging/line-1/filler`];
  for (const [index, asset] of units.entries()) {
    for (let day = index; day < Number(values.days); day += 2) {
      const from = startUs + day * dayUs + (4.6 + (day % 7)) * hourUs;
      const [begin, end] = [from, from + hourUs / 2].map((time) => new Date(time / 1000).toISOString());
      const content = { kind: 'downtime', asset, from: begin, to: end, reason: reasons[day % reasons.length] };
      await post(hub, '/entries', content);
    }
  }
}

async function post(hub: VirtualHub, path: string, body: object): Promise<{ readonly id: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await hub.fetch(`/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await answer.json()) as { id: string };
}

/** @returns where it lies, and how long it took. */
async function workbook(hub: VirtualHub, site: string, language: string, official = false): Promise<string> {
  const begunAt = performance.now();
  const { id } = await post(hub, '/exports', { template: 'workbook', site, period: values.month, language, official });
  for (;;) {
    const job = await hub.get<{ state: string; error?: string; files: { name: string }[] }>(`/api/v1/exports/${id}`);
    if (job.state === 'failed') throw new Error(job.error);
    if (job.state === 'done') {
      const [file] = job.files;
      const answer = await hub.fetch(`/api/v1/exports/${id}/file?name=${file!.name}`);
      const path = join(folder, file!.name);
      writeFileSync(path, Buffer.from(await answer.arrayBuffer()));
      return `${path} ${((performance.now() - begunAt) / 1000).toFixed(1)} s`;
    }
    await delay(100);
  }
}
