/**
 * The main job, whole: the demo runs a minute at ten times real time, and what the hub says is compared with what
 * the factory knows. The tolerances are what sampling allows: a state is known to one sampling interval per change,
 * a counter to the pieces of one interval at each edge, a register to its resolution and one interval of power. Each half
 * lives through other minutes, so that both are seen: what happens to a factory is no affair of broker or store, whose
 * suites in `test/contract` hold both to the same, and `test/truth` compares whole days.
 */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { requireOrSkip } from '../support/counterparts.ts';
import { type Demo, startDemo } from '../support/demo.ts';
import { root, shellLines, textOf } from '../support/documents.ts';
import { readTruth, type Truth } from '../support/truth.ts';

t.setTimeout(400_000);

const speed = 10;
/** At ten times real time a poll can be a whole interval late: 1 s of polling, 0.5 s of sampling and publishing. */
const samplingS = 1.5;
/** What is compared, however late the first figure was known. */
const leastUs = 120e6;
/** Until what was measured then is in the figures. */
const settleUs = 60e6;

interface Value {
  kpi: string;
  asset: string;
  value: number | null;
  status: string;
  coverage: number;
  elements: Record<string, number>;
  provisional: boolean;
}

interface Run {
  /** Of the demo's clock. What is compared begins when the first figure is known: how long a start takes is the machine's affair. */
  readonly from: string;
  readonly to: string;
  /** What the factory must have lived through meanwhile, besides what it always does. */
  readonly happened: readonly string[];
}

/** The end of a shift, with the last minutes of its cleaning, and the first of the next one. */
const shiftEnd: Run = {
  from: '2026-11-23T13:50:00+03:30',
  to: '2026-11-23T14:02:00+03:30',
  happened: ['calendar afternoon'],
};
/** The power cut of every noon. */
const noon: Run = {
  from: '2026-11-23T11:50:00+03:30',
  to: '2026-11-23T12:02:00+03:30',
  happened: ['curtailment', 'POWER_CURTAIL'],
};

// Both mostly wait, so they run side by side.
t.jobs = 2;

t.test('with the embedded broker and store, over the end of a shift', (t) => runAndCompare(t, shiftEnd, []));

t.test('with mosquitto and InfluxDB, into a power curtailment', async (t) => {
  if (!requireOrSkip(t, 'mosquitto') || !requireOrSkip(t, 'influxd')) return;
  await runAndCompare(t, noon, ['--broker', 'mosquitto', '--store', 'influx']);
});

async function runAndCompare(t: Test, run: Run, args: readonly string[]): Promise<void> {
  const startMs = Date.parse(run.from);
  const startedAt = Date.now();
  const options = ['--speed', String(speed), '--for', '300', '--from', run.from, ...args];
  const demo = await startDemo(t.testdir(), options);
  t.teardown(() => demo.stop());
  const startS = (Date.now() - startedAt) / 1000;
  t.ok(startS < 150, `first KPI ${startS.toFixed(1)} s after the start`);

  const from = (startMs + Math.ceil(startS) * speed * 1000) * 1000;
  const to = Math.max(Date.parse(run.to) * 1000, from + leastUs);
  // By the demo's own clock, which begins when its process does.
  const nowUs = async () => {
    const { meta } = (await demo.get('/api/v1/kpi-values?limit=1')) as unknown as { meta: { generated_at: string } };
    return Date.parse(meta.generated_at) * 1000;
  };
  while ((await nowUs()) < to + settleUs) await delay(500);
  const query = `from=${new Date(from / 1000).toISOString()}&to=${new Date(to / 1000).toISOString()}`;
  const values = (await demo.get(`/api/v1/kpi-values?${query}`)).data as unknown as Value[];
  const truth = readTruth(demo.truthFile, from, to);
  compareUnits(t, values, truth);
  compareMeters(t, values, truth);
  await compareCompleteness(t, demo, query);
  const { events: lived } = readTruth(demo.truthFile, startMs * 1000, to);
  for (const what of ['RUN', 'FAULT', 'SETUP', ...run.happened]) {
    t.ok((lived[what] ?? 0) > 0, `${what} happened`);
  }
  await askWhatPeopleTell(t, demo);
  await compareProof(t, demo);
  if (args.length === 0) await askAsTheReadmeDoes(t, demo);
  t.equal(await demo.stop(), 0, 'everything stopped');
  t.match(demo.output(), /Every one of the [\d,]+ samples .* stored exactly once/);
}

/** Shift leads enter it as time passes; it is in the figures when they are made anew. */
async function askWhatPeopleTell(t: Test, demo: Demo): Promise<void> {
  const lines = ['sahand/machining-plant/machining/line-1', 'aras/packaging-plant/packaging/line-1'];
  const query = `kpi=prod.fpy,prod.worker_eff&granularity=day&asset=${lines}&from=2026-11-23&to=2026-11-24`;
  for (let waitedS = 0; ; waitedS++) {
    const values = (await demo.get(`/api/v1/kpi-values?${query}`)).data as unknown as Value[];
    const told = values.filter(({ elements: { IP = 0, APWT_s = 0 } }) => IP > 0 || APWT_s > 0);
    if (told.length < 2 * lines.length && waitedS < 90) await delay(1000);
    else return void t.equal(told.length, 2 * lines.length, 'what people inspected and worked is in the figures');
  }
}

/** Word for word, but for the port. */
async function askAsTheReadmeDoes(t: Test, demo: Demo): Promise<void> {
  const lines = shellLines(textOf('README.md')).filter((line) => /^(curl|npx payesh-)/.test(line));
  t.equal(lines.length, 4);
  const env = { ...process.env, PAYESH_URL: demo.url, PAYESH_TOKEN: demo.token };
  for (const line of lines) {
    const command = line.replace('http://127.0.0.1:8080', demo.url);
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd: root, env });
    t.match(stdout, command.startsWith('curl') ? /"kpi":"prod\.oee"/ : /stored exactly once|prod\.oee/, command);
  }
}

const find = (values: readonly Value[], kpi: string, asset: string): Value => {
  const found = values.find((value) => value.kpi === kpi && value.asset === asset);
  if (!found) throw new Error(`no ${kpi} of ${asset}`);
  return found;
};

function close(t: Test, actual: number, expected: number, tolerance: number, what: string): void {
  const difference = Math.abs(actual - expected);
  t.ok(
    difference <= tolerance,
    `${what}: ${actual.toFixed(3)}, truly ${expected.toFixed(3)} (± ${tolerance.toFixed(3)})`,
  );
}

function compareUnits(t: Test, values: readonly Value[], truth: Truth): void {
  const lines = new Map<string, { busy: number; worth: number; run: number; tolerance: number }>();
  for (const path of truth.units) {
    const { elements, status } = find(values, 'prod.oee', path);
    const expected = truth.unit(path);
    const run = expected.busySeconds.RUN ?? 0;
    const stateTolerance = samplingS * (expected.stateChanges + 2);
    const pieceTolerance = Math.ceil(samplingS / expected.plannedRunTimeS) + 1;
    t.equal(status, 'ok', `${path} is known`);
    close(t, elements.PBT_s!, expected.plannedBusySeconds, 0.001, `${path} planned busy seconds`);
    close(t, elements.APT_s!, run, stateTolerance, `${path} producing seconds`);
    close(t, elements.PQ!, expected.total, pieceTolerance, `${path} pieces`);
    close(t, elements.GQ!, expected.good, pieceTolerance, `${path} good pieces`);
    const oee = (expected.plannedRunTimeS * expected.good) / expected.plannedBusySeconds;
    const oeeTolerance = (expected.plannedRunTimeS * pieceTolerance) / expected.plannedBusySeconds;
    close(t, find(values, 'prod.oee', path).value!, oee, oeeTolerance, `${path} OEE`);
    close(
      t,
      find(values, 'prod.availability', path).value!,
      run / expected.plannedBusySeconds,
      stateTolerance / expected.plannedBusySeconds,
      `${path} availability`,
    );
    // Of no pieces there is no quality.
    if (expected.total > 0) {
      const quality = find(values, 'prod.quality', path).value ?? Number.NaN;
      close(t, quality, expected.good / expected.total, (2 * pieceTolerance) / expected.total, `${path} quality`);
    }
    const line = path.split('/').slice(0, -1).join('/');
    const sums = lines.get(line) ?? { busy: 0, worth: 0, run: 0, tolerance: 0 };
    sums.busy += expected.plannedBusySeconds;
    sums.worth += expected.plannedRunTimeS * expected.good;
    sums.tolerance += expected.plannedRunTimeS * pieceTolerance;
    lines.set(line, sums);
  }
  for (const [path, { busy, worth, tolerance }] of lines) {
    close(t, find(values, 'prod.oee', path).value!, worth / busy, tolerance / busy, `${path} OEE by summed elements`);
  }
}

function compareMeters(t: Test, values: readonly Value[], truth: Truth): void {
  for (const meter of truth.meters) {
    const { value, status } = find(values, 'en.kwh', meter);
    t.equal(status, 'ok', `${meter} is known`);
    close(t, value!, truth.kwh(meter), 0.25, `${meter} kWh`);
  }
  const gas = 'aras/packaging-plant/energy/gas';
  close(t, find(values, 'en.carrier', gas).value!, truth.gasM3(gas), 0.3, `${gas} m³`);
}

async function compareCompleteness(t: Test, demo: Demo, query: string): Promise<void> {
  const tags = (await demo.get('/api/v1/tags')).data as unknown as { path: string; role: string }[];
  const measured = tags.filter(({ role }) => !role.startsWith('health_')).map(({ path }) => path);
  const values = (await demo.get(`/api/v1/kpi-values?kpi=dq.complete&asset=${measured.join(',')}&${query}`))
    .data as unknown as Value[];
  t.equal(values.length, measured.length, `completeness of each of ${measured.length} tags`);
  const least = values.reduce((a, b) => ((a.value ?? 0) < (b.value ?? 0) ? a : b));
  t.ok(least.value! > 0.99, `least complete: ${least.asset} ${least.value}`);
}

async function compareProof(t: Test, demo: Demo): Promise<void> {
  const proof = (await demo.get('/api/v1/verification?deep=true')) as unknown as {
    ok: boolean;
    sentence: string;
    streams: { frames: number; frames_compared: number }[];
  };
  t.ok(proof.ok, proof.sentence);
  for (const stream of proof.streams)
    t.equal(stream.frames_compared, stream.frames, 'every frame compared value by value');
}
