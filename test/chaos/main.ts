/**
 * `npm run chaos -- --seed N --seconds S [--json]`: kills, pauses, cuts and fills what it can, and proves that every
 * accepted sample is stored exactly once or listed. The last line is the result as JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { run } from './run.ts';
import { faultNames } from './schedule.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    agents: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2000' },
    broker: { type: 'string' },
    store: { type: 'string' },
    faults: { type: 'string' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const installed = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const broker = values.broker ?? (installed('mosquitto') ? 'mosquitto' : 'embedded');
const store = values.store ?? (installed('influxd') ? 'influx' : 'duckdb');
if ((broker !== 'mosquitto' && broker !== 'embedded') || (store !== 'influx' && store !== 'duckdb')) {
  process.stderr.write('--broker is mosquitto or embedded, --store is influx or duckdb\n');
  process.exit(64);
}
const faults = faultNames.filter((name) => values.faults?.split(',').includes(name) ?? true);
if (faults.length < (values.faults?.split(',').length ?? 0)) {
  process.stderr.write(`--faults are some of ${faultNames.join(',')}\n`);
  process.exit(64);
}
const smallDisk = process.getuid?.() === 0;

const say = (text: string) => {
  if (!values.json) process.stderr.write(`${text}\n`);
};
say(`seed ${seed}, ${values.seconds} s, ${values.agents} agents at ${values.rate} samples/s, ${broker}, ${store}`);
const skipped = [
  ...(values.broker || broker === 'mosquitto' ? [] : ['mosquitto is not installed: the broker inside the hub instead']),
  ...(values.store || store === 'influx' ? [] : ['InfluxDB is not installed: the embedded store instead']),
  ...(smallDisk ? [] : ['not root: no disk is filled']),
];
for (const what of skipped) say(`skipped: ${what}`);

const root = resolve(process.env.PAYESH_DATA || 'var');
mkdirSync(root, { recursive: true });
const dir = mkdtempSync(join(root, 'chaos-'));
const result = await run({
  dir,
  seed,
  seconds: Number(values.seconds),
  agents: Number(values.agents),
  samplesPerSecond: Number(values.rate),
  broker,
  store,
  smallDisk,
  faults,
  progress: say,
});
const { broken, ...figures } = result;
for (const what of broken) process.stderr.write(`BROKEN ${what}\n`);
if (broken.length === 0 && !values.keep) rmSync(dir, { recursive: true, force: true });
else say(`everything is kept in ${dir}`);
console.log(JSON.stringify({ ...figures, broken: broken.length, skipped }));
process.exitCode = broken.length === 0 ? 0 : 1;
