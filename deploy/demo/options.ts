/** What the demo is started with: command line and environment. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError } from '../../protocols/errors.ts';

export interface DemoOptions {
  readonly speed: number;
  /** Ends by itself after so many wall seconds. */
  readonly forS: number | undefined;
  /** What the demo's clock shows at the start, Unix ms. */
  readonly startMs: number;
  readonly seed: number;
  readonly broker: 'embedded' | 'mosquitto';
  readonly store: 'duckdb' | 'influx';
  /** Begun anew at every start. */
  readonly dataDir: string;
  readonly token: string | undefined;
  readonly ports: Readonly<Record<PortName, number>>;
}

export const portVariables = {
  http: 'PAYESH_HTTP_PORT',
  mqtt: 'PAYESH_MQTT_PORT',
  opcua: 'PAYESH_OPCUA_PORT',
  modbus: 'PAYESH_MODBUS_PORT',
  utilities: 'PAYESH_UTILITIES_PORT',
  influx: 'PAYESH_INFLUX_PORT',
  machiningStatus: 'PAYESH_MACHINING_STATUS_PORT',
  packagingStatus: 'PAYESH_PACKAGING_STATUS_PORT',
} as const;
export type PortName = keyof typeof portVariables;

const defaultPorts: Record<PortName, number> = {
  http: 8080,
  mqtt: 1883,
  opcua: 4840,
  modbus: 5020,
  utilities: 5021,
  influx: 8086,
  machiningStatus: 9101,
  packagingStatus: 9102,
};

const usage = `npm start -- [--speed 10] [--for SECONDS] [--from 2026-11-23T13:48+03:30] [--seed 7]
             [--broker embedded|mosquitto] [--store duckdb|influx]
environment: PAYESH_DATA (var), PAYESH_TOKEN, ${Object.values(portVariables).join(', ')}`;

const wrong = (message: string): ConfigError => new ConfigError(message, { path: 'command line', hint: usage });

/** @throws {ConfigError} */
export function readOptions(args: string[], environment: NodeJS.ProcessEnv): DemoOptions {
  const text = { type: 'string' } as const;
  const options = {
    speed: text,
    for: text,
    from: text,
    seed: text,
    broker: text,
    store: text,
    help: { type: 'boolean' },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (cause) {
    throw wrong((cause as Error).message);
  }
  if (values.help) throw wrong('help');
  const number = (name: 'speed' | 'for' | 'seed', least: number, most: number): number | undefined => {
    const given = values[name];
    if (given === undefined) return undefined;
    const value = Number(given);
    if (!(value >= least && value <= most))
      throw wrong(`--${name} must be a number from ${least} to ${most}, not "${given}"`);
    return value;
  };
  const choice = <T extends string>(name: 'broker' | 'store', allowed: readonly [T, ...T[]]): T => {
    const given = values[name] ?? allowed[0];
    const found = allowed.find((one) => one === given);
    if (!found) throw wrong(`--${name} must be ${allowed.join(' or ')}, not "${given}"`);
    return found;
  };
  const startMs = values.from === undefined ? Date.now() : Date.parse(values.from);
  if (Number.isNaN(startMs)) throw wrong(`--from must be an ISO 8601 time, not "${values.from}"`);
  const token = environment.PAYESH_TOKEN || undefined;
  if (token !== undefined && token.length < 32) {
    throw new ConfigError('PAYESH_TOKEN is too short to be a secret', {
      path: 'PAYESH_TOKEN',
      hint: 'Give at least 32 characters.',
    });
  }
  return {
    speed: number('speed', 0.1, 100) ?? 1,
    forS: number('for', 1, 31_536_000),
    startMs,
    seed: number('seed', 0, 999_999_999) ?? 7,
    broker: choice('broker', ['embedded', 'mosquitto']),
    store: choice('store', ['duckdb', 'influx']),
    dataDir: join(resolve(environment.PAYESH_DATA || 'var'), 'demo'),
    token,
    ports: readPorts(environment),
  };
}

function readPorts(environment: NodeJS.ProcessEnv): Record<PortName, number> {
  const ports = { ...defaultPorts };
  for (const name of Object.keys(portVariables) as PortName[]) {
    const given = environment[portVariables[name]];
    if (!given) continue;
    ports[name] = Number(given);
    if (!(Number.isInteger(ports[name]) && ports[name] > 0 && ports[name] < 65_536)) {
      throw new ConfigError(`${portVariables[name]} is no port: "${given}"`, {
        path: portVariables[name],
        hint: 'Give a number from 1 to 65535.',
      });
    }
  }
  return ports;
}
