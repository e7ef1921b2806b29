/** The demo factory with its servers: one factory, one OPC UA server, two Modbus servers, one truth log. */
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { ConfigError } from '../errors.ts';
import type { TimeUs } from '../sample.ts';
import { createFactory, type Factory } from './factory.ts';
import { machiningPlant } from './factory-machining-plant.ts';
import { packagingPlant } from './factory-packaging-plant.ts';
import { startModbusServer } from './modbus-server.ts';
import { startOpcuaServer } from './opcua-server.ts';
import { registerMap } from './register-map.ts';
import { openTruth } from './truth.ts';

export interface SimulatorOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** Beginning of the history; the clock's now where absent. What lies before now is caught up at once. */
  readonly startUs?: TimeUs;
  readonly host: string;
  /** 0 takes a free port. */
  readonly opcuaPort: number;
  readonly linePort: number;
  readonly utilitiesPort: number;
  /** For the OPC UA server's certificates. */
  readonly dataDir: string;
  readonly truthFile?: string;
}

export interface Simulator {
  readonly factory: Factory;
  readonly opcua: string;
  /** The line's PLC, then the utilities. */
  readonly modbus: readonly { readonly host: string; readonly port: number }[];
  /** Lets time come up to now once more, then closes all. */
  stop(): Promise<void>;
}

const tickMs = 50;

/** @throws {ConfigError} when a port is taken; nothing is left open then. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, host, dataDir, truthFile } = options;
  await using cleanUp = new AsyncDisposableStack();
  const factory = createFactory({ seed: options.seed, startUs: options.startUs ?? clock.now() });
  const advance = (): void => factory.advanceTo(clock.now());
  if (truthFile !== undefined) cleanUp.adopt(openTruth(truthFile, factory), (truth) => truth.close());
  const signalsOf = (plant: string) => factory.signals().filter((signal) => signal.plant === plant);

  const opcua = await onPort(options.opcuaPort, () =>
    startOpcuaServer({
      host,
      port: options.opcuaPort,
      pkiDir: join(dataDir, 'opcua-pki'),
      signals: signalsOf(machiningPlant),
      listen: factory.listen,
    }),
  );
  cleanUp.defer(opcua.close);
  const startModbus = async (name: 'line' | 'utilities', port: number) => {
    const units = registerMap.filter(({ server }) => server === name);
    const server = await onPort(port, () =>
      startModbusServer({ host, port, units, signals: signalsOf(packagingPlant), advance }),
    );
    cleanUp.defer(server.close);
    return { host, port: server.port };
  };
  const modbus = [await startModbus('line', options.linePort), await startModbus('utilities', options.utilitiesPort)];
  const timer = setInterval(advance, tickMs);
  cleanUp.defer(() => {
    clearInterval(timer);
    advance();
  });
  advance();

  const running = cleanUp.move();
  return { factory, opcua: opcua.endpoint, modbus, stop: () => running.disposeAsync() };
}

async function onPort<T>(port: number, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    if (!isPortTaken(cause)) throw cause;
    throw new ConfigError('taken by another program', {
      path: `port ${port}`,
      hint: 'Stop that program, or give the simulator another port.',
      cause,
    });
  }
}

const isPortTaken = (cause: unknown): boolean => cause instanceof Error && cause.message.includes('EADDRINUSE');
