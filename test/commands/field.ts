/** The demo factory's real servers on free ports, and a broker that knows one password. */
import { join } from 'node:path';
import { startBroker } from '../../hub/broker.ts';
import { systemClock } from '../../protocols/clock.ts';
import { startSimulator } from '../../protocols/simulator/run.ts';

export interface Field extends AsyncDisposable {
  /** `opc.tcp://127.0.0.1:…/payesh/demo`. */
  readonly opcua: string;
  /** `tcp://127.0.0.1:…`: the line's PLC. */
  readonly line: string;
  /** The utilities. */
  readonly utilities: string;
}

export async function startField(dir: string): Promise<Field> {
  const simulator = await startSimulator({
    seed: 7,
    clock: systemClock,
    host: '127.0.0.1',
    opcuaPort: 0,
    linePort: 0,
    utilitiesPort: 0,
    dataDir: join(dir, 'factory'),
  });
  const [line, utilities] = simulator.modbus.map(({ host, port }) => `tcp://${host}:${port}`);
  return { opcua: simulator.opcua, line: line!, utilities: utilities!, [Symbol.asyncDispose]: () => simulator.stop() };
}

export const brokerPassword = 'a password of the hub';

/** Every agent has the same password here. */
export const startTestBroker = () =>
  startBroker({
    port: 0,
    ingestUser: 'hub',
    authenticate: (_user, password) => password === brokerPassword,
    log: { info() {}, warn() {}, error() {} },
  });
