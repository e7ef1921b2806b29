/** `payesh-agent run`: the agent itself, until it is told to stop. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { pino } from 'pino';
import { loadYaml } from '../../config/load.ts';
import { exitWith, stopSignals } from '../../config/process.ts';
import { packageVersion } from '../../config/version.ts';
import { parseClock } from '../../protocols/clock.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { agentSchema } from '../config.ts';

export const runCommand = (): Command =>
  new Command('run')
    .description('run the agent until SIGTERM or SIGINT; a second signal skips the draining')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--drain-ms <ms>', 'at a stop, how long buffered samples may still be forwarded', Number, 5000)
    .action(({ config: file, drainMs }) =>
      exitWith(async () => {
        const { stop, kill } = stopSignals();
        const config = loadYaml(file, agentSchema, process.env);
        const log = pino({ level: process.env.PAYESH_LOG ?? 'info', base: { agent: config.agent } });
        const password = readPassword(config.broker.passwordFile);
        const clock = parseClock(process.env.PAYESH_CLOCK);
        // Only here: the other commands need not wait for everything that an agent is made of.
        const { runAgent } = await import('../app.ts');
        await runAgent({ config, password, clock, log, drainMs, version: packageVersion }, stop, kill);
      }),
    );

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError("cannot read the agent's password", {
      path: file,
      hint: 'Make one at the hub with "payesh-hub agent add <id>" and write it into this file.',
      cause,
    });
  }
}
