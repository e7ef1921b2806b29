/** `payesh-agent run`: the agent itself, until it is told to stop. SIGHUP, or a change of its files, is a reload. */
import { Command } from 'commander';
import { pino } from 'pino';
import { exitWith, stopSignals } from '../../config/process.ts';
import { createSecretReader } from '../../config/secrets.ts';
import { packageVersion } from '../../config/version.ts';
import { parseClock } from '../../protocols/clock.ts';
import { openConfiguration } from './configuration.ts';

export const runCommand = (): Command =>
  new Command('run')
    .description('run the agent until SIGTERM or SIGINT; a second signal skips the draining, SIGHUP reloads')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--drain-ms <ms>', 'at a stop, how long buffered samples may still be forwarded', Number, 5000)
    .action(({ config: file, drainMs }) =>
      exitWith(async () => {
        const { stop, kill } = stopSignals();
        const { config, configuration } = openConfiguration(file);
        const log = pino({ level: process.env.PAYESH_LOG ?? 'info', base: { agent: config.agent } });
        const clock = parseClock(process.env.PAYESH_CLOCK);
        const secret = createSecretReader(process.env);
        // Only here: the other commands need not wait for everything that an agent is made of.
        const { runAgent } = await import('../app.ts');
        await runAgent({ config, configuration, secret, clock, log, drainMs, version: packageVersion }, stop, kill);
      }),
    );
