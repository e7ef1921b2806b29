/** What `npm run chaos` is told, and what this machine can do of it. */
import { execFileSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { scenarios } from './scenarios.ts';
import { type FaultName, faultNames } from './schedule.ts';

export interface Options {
  readonly seed: number;
  readonly seconds: number;
  readonly agents: number;
  readonly rate: number;
  readonly broker: 'embedded' | 'mosquitto';
  readonly store: 'duckdb' | 'influx';
  readonly faults: readonly FaultName[];
  readonly drain: number;
  readonly states: number | undefined;
  /** Part of the names of those to plant, or all. */
  readonly mutants: string | boolean;
  readonly powerCut: 'agent' | 'hub' | undefined;
  readonly soak: boolean;
  readonly fuzz: boolean;
  readonly scenario: readonly string[] | undefined;
  /** Thrown at each decoder. */
  readonly inputs: number;
  readonly json: boolean;
  readonly keep: boolean;
  /** Root only. */
  readonly smallDisk: boolean;
  /** What is left out on this machine, and why. */
  readonly skipped: readonly string[];
}

export function readOptions(args: readonly string[]): Options {
  const number = (text: string): number => Number(text);
  const command = new Command('npm run chaos --')
    .description('Harms real processes, and proves that every accepted sample is stored exactly once or listed.')
    .option('--seed <n>', 'the same seed plans the same faults', number, Math.floor(Math.random() * 1e9))
    .option('--seconds <s>', 'how long', number, 60)
    .option('--agents <n>', 'how many', number, 3)
    .option('--rate <n>', 'samples a second of each agent', number, 2000)
    .addOption(
      new Option('--broker <kind>', 'default: mosquitto where it is installed').choices(['embedded', 'mosquitto']),
    )
    .addOption(new Option('--store <kind>', 'default: influx where it is installed').choices(['duckdb', 'influx']))
    .addOption(new Option('--faults <names...>', 'only these').choices(faultNames).default(faultNames, 'all'))
    .option('--drain <s>', 'how long the backlog may take once everything is healed', number, 180)
    .option(
      '--mutants [text]',
      'plant known bugs one at a time, those with the text in their name; each must be caught',
      false,
    )
    .addOption(
      new Option('--power-cut [whose]', 'replay recorded writes at every point where the power can fail')
        .choices(['agent', 'hub'])
        .preset('agent'),
    )
    .option('--states <n>', 'of the disk after a power cut (default: 2000 of an agent, 500 of a hub)', number)
    .addOption(
      new Option('--scenario <names...>', 'faults with a story of their own').choices([
        ...Object.keys(scenarios),
        'all',
      ]),
    )
    .option('--fuzz', 'throw changed messages and garbage at every decoder that faces a wire', false)
    .option('--inputs <n>', 'how many at each decoder', number, 1_000_000)
    .option('--soak', 'no faults; memory and open files of every process must stay level', false)
    .option('--keep', 'keep files and logs, also when all is well', false)
    .option('--json', 'print the result only', false)
    .parse([...args], { from: 'user' });
  const given = command.opts<Omit<Options, 'smallDisk' | 'skipped'> & Partial<Pick<Options, 'broker' | 'store'>>>();
  const skipped: string[] = [];
  const orElse = <T>(chosen: T | undefined, program: string, preferred: T, instead: T, what: string): T => {
    if (chosen !== undefined) return chosen;
    if (isInstalled(program)) return preferred;
    skipped.push(what);
    return instead;
  };
  const broker = orElse(given.broker, 'mosquitto', 'mosquitto', 'embedded', 'no mosquitto: the broker inside the hub');
  const store = orElse(given.store, 'influxd', 'influx', 'duckdb', 'no InfluxDB: the embedded store');
  const smallDisk = process.getuid?.() === 0;
  if (!smallDisk) skipped.push('not root: no disk is filled');
  return { ...given, faults: given.soak ? [] : given.faults, broker, store, smallDisk, skipped };
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
