/**
 * The demo factory as a process: arguments, signals, exit code. Says on stdout in one line of JSON that it is ready and
 * where its servers listen, and says the same to a parent that started it with a message channel.
 */
import { parseArgs } from 'node:util';
import { type Clock, parseClock } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import { startSimulator } from './run.ts';

const usage = `node protocols/simulator/main.ts --data DIR [--truth FILE] [--seed 7] [--start 2026-11-23T13:48:00+03:30]
  [--host 127.0.0.1] [--opcua-port 4840] [--modbus-port 5020] [--utilities-port 5021]`;

/** What sysexits.h calls EX_CONFIG. */
const exitConfig = 78;

function refuse(message: string, hint: string): ConfigError {
  return new ConfigError(message, { path: 'command line', hint });
}

function readOptions(args: string[]) {
  const number = (name: string, text: string): number => {
    if (!/^\d{1,9}$/.test(text)) throw refuse(`--${name} must be a whole number, not "${text}"`, usage);
    return Number(text);
  };
  let values: ReturnType<typeof parse>;
  let clock: Clock;
  try {
    values = parse(args);
    clock = parseClock(process.env.PAYESH_CLOCK);
  } catch (cause) {
    throw refuse((cause as Error).message, usage);
  }
  if (values.data === undefined) throw refuse('--data is missing', usage);
  const startMs = values.start === undefined ? undefined : Date.parse(values.start);
  if (Number.isNaN(startMs)) throw refuse(`--start must be an ISO 8601 time, not "${values.start}"`, usage);
  return {
    seed: number('seed', values.seed),
    clock,
    startUs: startMs === undefined ? undefined : startMs * 1000,
    host: values.host,
    opcuaPort: number('opcua-port', values['opcua-port']),
    linePort: number('modbus-port', values['modbus-port']),
    utilitiesPort: number('utilities-port', values['utilities-port']),
    dataDir: values.data,
    truthFile: values.truth,
  };
}

function parse(args: string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args,
    options: {
      seed: { ...text, default: '7' },
      start: text,
      host: { ...text, default: '127.0.0.1' },
      'opcua-port': { ...text, default: '4840' },
      'modbus-port': { ...text, default: '5020' },
      'utilities-port': { ...text, default: '5021' },
      data: text,
      truth: text,
    },
  }).values;
}

try {
  const simulator = await startSimulator(readOptions(process.argv.slice(2)));
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    await simulator.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  // A parent that is gone cannot stop this process any more.
  if (process.send) process.on('disconnect', () => void stop());
  const ready = { ready: true, startUs: simulator.factory.startUs, opcua: simulator.opcua, modbus: simulator.modbus };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  process.send?.(ready);
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.path}: ${error.message}. ${error.hint}\n`);
  process.exit(exitConfig);
}
