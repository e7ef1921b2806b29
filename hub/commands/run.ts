/** `payesh-hub run`: the hub itself, until it is told to stop. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { pino } from 'pino';
import { loadYaml, readText } from '../../config/load.ts';
import { openLogOutput } from '../../config/log-output.ts';
import { stopSignals } from '../../config/process.ts';
import { interpolate } from '../../config/yaml-document.ts';
import { parseClock } from '../../protocols/clock.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { hubSchema } from '../config.ts';
import { checkZoneData } from '../plant/zone.ts';
import { readPlant } from './read-plant.ts';

export const runCommand = (configFile: () => string): Command =>
  new Command('run')
    .description('run the hub until SIGTERM or SIGINT; a second signal ends it at once')
    .action(async () => {
      const { stop, kill } = stopSignals();
      kill.addEventListener('abort', () => process.exit(1));
      checkZoneData();
      const file = configFile();
      const loaded = loadYaml(file, hubSchema, process.env);
      const ledgers = loaded.ledgers.map((path) => resolve(dirname(file), path));
      const config = { ...loaded, ledgers };
      const plantFiles = config.plants.map((path) => {
        const plantFile = resolve(dirname(file), path);
        return { file: plantFile, content: interpolate(readText(plantFile), plantFile, process.env) };
      });
      const log = pino({ level: process.env.PAYESH_LOG ?? 'info', base: { part: 'hub' } }, openLogOutput());
      const { broker, store } = config;
      // Only here: the other commands need not wait for everything that a hub is made of.
      const { runHub } = await import('../app.ts');
      await runHub(
        {
          config,
          plantFiles,
          readPlant,
          clock: parseClock(process.env.PAYESH_CLOCK),
          log,
          presetToken: process.env.PAYESH_TOKEN,
          brokerPassword: broker.kind === 'external' ? readSecret(broker.passwordFile) : undefined,
          storeSecret: store.kind === 'influx' ? readSecret(store.influx.secretFile) : undefined,
          onReady({ url, token }) {
            log.info({ url }, 'hub ready');
            if (token && !process.env.PAYESH_TOKEN) {
              process.stderr.write(
                `first start: this admin token is shown once, keep it\n  ${token}\n  ${url}/#token=${token}\n`,
              );
            }
          },
        },
        stop,
      );
    });

function readSecret(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError('cannot read a secret', {
      path: file,
      hint: 'Check the path and the rights of the file.',
      cause,
    });
  }
}
