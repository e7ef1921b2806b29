/** `npm run chaos`: see options.ts and README.md. The last line is the result as JSON; 0 is the exit code of a proof. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fuzzModbus } from '../support/modbus-decoder-fuzz.ts';
import { fuzz } from './fuzz.ts';
import { fuzzTargets } from './fuzz-targets.ts';
import { runMutants } from './mutate.ts';
import { isInstalled, readOptions } from './options.ts';
import { replayPowerCuts } from './power-cut.ts';
import { bufferSubject } from './power-cut-buffer.ts';
import { hubSubject } from './power-cut-hub.ts';
import { run } from './run.ts';
import { playScenario, scenarios } from './scenarios.ts';

const options = readOptions(process.argv.slice(2));
const root = resolve(process.env.PAYESH_DATA || 'var');
mkdirSync(root, { recursive: true });

// By leaving, so that what was started and mounted is cleaned up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const say = (text: string) => {
  if (!options.json) process.stderr.write(`${text}\n`);
};
const conclude = (result: object, broken: readonly string[]) => {
  for (const what of broken) process.stderr.write(`BROKEN ${what}\n`);
  console.log(JSON.stringify(result));
  process.exitCode = broken.length === 0 ? 0 : 1;
};

if (options.mutants) proveTheChecker();
else if (options.powerCut) await cutThePower(options.powerCut);
else if (options.fuzz) await hurlInputs();
else if (options.scenario) await playScenarios(options.scenario);
else await harm();

function proveTheChecker(): void {
  const missed: string[] = [];
  let caught = 0;
  for (const { name, isBug, isRight, said } of runMutants(root, options.seed, options.mutants)) {
    say(`${isRight ? (isBug ? 'caught' : 'clean ') : 'WRONG '}  ${name}: ${said}`);
    if (!isRight) missed.push(name);
    else if (isBug) caught += 1;
  }
  conclude({ seed: options.seed, caught, missed }, missed);
}

async function cutThePower(whose: 'agent' | 'hub'): Promise<void> {
  if (!isInstalled('strace')) {
    process.stderr.write('strace, which records the writes, is not installed (Debian: apt-get install strace)\n');
    process.exitCode = 69;
    return;
  }
  const states = options.states ?? (whose === 'hub' ? 500 : 2000);
  const subject = whose === 'hub' ? hubSubject : bufferSubject;
  const { examples, ...figures } = await replayPowerCuts(subject, {
    root,
    seed: options.seed,
    states,
    progress: say,
  });
  conclude({ of: whose, ...figures }, examples);
}

async function hurlInputs(): Promise<void> {
  const { seed, inputs } = options;
  const reports = await fuzz({ targets: fuzzTargets, inputs, seed, progress: say });
  const broken = Object.values(reports).flatMap((report) => report.broken);
  const decoders = Object.entries(reports).map(([name, report]) => [name, { ...report, broken: report.broken.length }]);
  say(`modbus: ${inputs} inputs at either framing, and at the data of blocks`);
  const { broken: brokenOfModbus, ...modbus } = await fuzzModbus({ inputs: 3 * inputs, seed });
  broken.push(...brokenOfModbus);
  conclude({ seed, decoders: Object.fromEntries(decoders), modbus, broken: broken.length }, broken);
}

async function playScenarios(names: readonly string[]): Promise<void> {
  const { seed, broker, store } = options;
  const broken: string[] = [];
  const skipped: string[] = [];
  for (const name of names.includes('all') ? Object.keys(scenarios) : names) {
    const lacks = scenarios[name]!.lacks?.();
    if (lacks !== undefined) {
      say(`left out: ${name}: needs ${lacks}`);
      skipped.push(name);
      continue;
    }
    const dir = mkdtempSync(join(root, `chaos-${name}-`));
    const result = await playScenario({ name, dir, seed, broker, store, progress: say });
    broken.push(...result.broken.map((what) => `${name}: ${what}`));
    if (result.broken.length === 0 && !options.keep) rmSync(dir, { recursive: true, force: true });
    else say(`everything is kept in ${dir}`);
    console.log(JSON.stringify({ ...result, broken: result.broken.length }));
  }
  conclude({ seed, scenarios: names, broken: broken.length, skipped }, broken);
}

async function harm(): Promise<void> {
  const { seed, seconds, agents, rate, broker, store, skipped } = options;
  say(`seed ${seed}, ${seconds} s, ${agents} agents at ${rate} samples/s, ${broker}, ${store}`);
  for (const what of skipped) say(`left out: ${what}`);
  const dir = mkdtempSync(join(root, 'chaos-'));
  const { broken, ...figures } = await run({ ...options, dir, progress: say });
  if (broken.length === 0 && !options.keep) rmSync(dir, { recursive: true, force: true });
  else say(`everything is kept in ${dir}`);
  conclude({ ...figures, broken: broken.length, skipped }, broken);
}
