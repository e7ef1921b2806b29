/** `payesh-agent run`: the agent itself, until it is told to stop. SIGHUP, or a change of its files, is a reload. */
import { Command } from 'commander';
import { openLogOutput } from '../../config/log-output.ts';
import { exitWith, stopSignals } from '../../config/process.ts';
import { packageVersion } from '../../config/version.ts';
import { parseClock } from '../../protocols/clock.ts';

export const runCommand = (): Command =>
  new Command('run')
    .description('run the agent until SIGTERM or SIGINT; a second signal skips the draining, SIGHUP reloads')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--drain-ms <ms>', 'at a stop, how long buffered samples may still be forwarded', Number, 5000)
    .action(({ config: file, drainMs }) =>
      exitWith(async () => {
        const { stop, kill } = stopSignals();
        const { openConfiguration } = await import('./configuration.ts');
        const { config, configuration } = openConfiguration(file);
        // Only now: a mistake in the file is told without waiting for everything that an agent is made of.
        const [{ pino }, { createSecretReader }, { runAgent }] = await Promise.all([
          import('pino'),
          import('../../config/secrets.ts'),
          import('../app.ts'),
        ]);
        const log = pino({ level: process.env.PAYESH_LOG ?? 'info', base: { agent: config.agent } }, openLogOutput());
        const clock = parseClock(process.env.PAYESH_CLOCK);
        const secret = createSecretReader(process.env);
        await runAgent({ config, configuration, secret, clock, log, drainMs, version: packageVersion }, stop, kill);
      }),
    );
