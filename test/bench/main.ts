/**
 * `npm run bench [-- NAME…] [--seconds S] [--hours H] [--agents N] [--json]`: the benches, each figure beside a reference of the same
 * run or the bound that it must keep. A name also stands for all that begin with it: `fleet` for `fleet-embedded` and so on.
 */
import { closeSync, fsyncSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, toLine } from './bench.ts';
import { bytes } from './bytes.ts';
import { disk72h } from './disk-72h.ts';
import { drainEmbedded, drainInflux } from './drain.ts';
import { drainLiveEmbedded, drainLiveInflux } from './drain-live.ts';
import { fleetEmbedded, fleetInflux, fleetStorm } from './fleet.ts';
import { kpiQueriesEmbedded, kpiQueriesInflux } from './kpi-queries.ts';
import { lateDay } from './late-day.ts';
import { live } from './live.ts';
import { modbus } from './modbus.ts';
import { opcua } from './opcua.ts';
import { pipeline } from './pipeline.ts';
import { restart } from './restart.ts';
import { rollupEmbedded, rollupInflux } from './rollup.ts';
import { truth } from './truth.ts';

const benches: readonly Bench[] = [
  pipeline,
  bytes,
  drainEmbedded,
  drainInflux,
  live,
  modbus,
  opcua,
  disk72h,
  restart,
  fleetEmbedded,
  fleetInflux,
  fleetStorm,
  drainLiveEmbedded,
  drainLiveInflux,
  rollupEmbedded,
  rollupInflux,
  lateDay,
  kpiQueriesEmbedded,
  kpiQueriesInflux,
  truth,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean' },
    seconds: { type: 'string' },
    hours: { type: 'string' },
    agents: { type: 'string' },
  },
});
const known = benches.flatMap(({ names }) => names);
const means = (asked: string, name: string) => name === asked || name.startsWith(`${asked}-`);
const unknown = positionals.filter((asked) => !known.some((name) => means(asked, name)));
if (unknown.length > 0) {
  process.stderr.write(`no bench is called ${unknown.join(', ')}; there are ${known.join(', ')}\n`);
  process.exit(78);
}

const root = resolve(process.env.PAYESH_DATA || 'var');
mkdirSync(root, { recursive: true });
const dir = mkdtempSync(join(root, 'bench-'));
const print = (line: object) => {
  if (values.json) console.log(JSON.stringify(line));
  else
    console.log(
      Object.entries(line)
        .map(([key, value]) => `${key}=${value}`)
        .join('  '),
    );
};
try {
  print(machine());
  const chosen = benches.filter(
    ({ names }) => positionals.length === 0 || names.some((name) => positionals.some((asked) => means(asked, name))),
  );
  const given = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  const context = {
    dir,
    seconds: given(values.seconds),
    hours: given(values.hours),
    agents: given(values.agents),
    progress: (text: string) => void process.stderr.write(`… ${text}\n`),
  };
  for (const bench of chosen) for await (const figure of bench.run(context)) print(toLine(figure));
} finally {
  rmSync(dir, { recursive: true, force: true });
}

/** Where the figures were measured: they mean nothing without it. */
function machine(): object {
  const file = join(dir, 'fsync');
  const handle = openSync(file, 'w');
  const times = Array.from({ length: 50 }, () => {
    writeSync(handle, Buffer.alloc(4096));
    const startedAt = performance.now();
    fsyncSync(handle);
    return performance.now() - startedAt;
  }).sort((a, b) => a - b);
  closeSync(handle);
  const fileSystems: Record<number, string> = {
    61267: 'ext4',
    1481003842: 'xfs',
    2435016766: 'btrfs',
    16914836: 'tmpfs',
  };
  const { type } = statfsSync(dir);
  return {
    machine: `${availableParallelism()} cores`,
    fileSystem: fileSystems[type] ?? `0x${type.toString(16)}`,
    fsyncMs: Number(times[25]!.toFixed(3)),
    node: process.version,
  };
}
