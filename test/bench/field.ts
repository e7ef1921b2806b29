/** Field devices for the benches of the live chain: every value changes every second, 1,000 in all. */
import { join } from 'node:path';
import { ServerTCP } from 'modbus-serial';
import { DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy } from 'node-opcua';
import { freePort } from '../support/ports.ts';

const valuesPerSecond = 1000;
const unitSize = 100;

export interface Field extends AsyncDisposable {
  /** Sources of an agent.yaml that reads it. */
  readonly sources: string;
  /** Full paths of its tags below the site. */
  readonly paths: readonly string[];
}

/** Modbus registers that hold the seconds of the clock, plus their address. */
export async function startModbusField(): Promise<Field> {
  const port = await freePort();
  const value = (address: number) => (Math.floor(Date.now() / 1000) + address) % 65536;
  const vector = {
    getMultipleHoldingRegisters: (address: number, length: number) =>
      Array.from({ length }, (_, i) => value(address + i)),
    getHoldingRegister: value,
  };
  const server = new ServerTCP(vector, { host: '127.0.0.1', port, unitID: 0 });
  server.on('socketError', () => {});
  const units = Array.from({ length: valuesPerSecond / unitSize }, (_, unit) => unit + 1);
  const path = (unit: number, address: number) => `field/unit-${unit}/value-${address}`;
  const addresses = Array.from({ length: unitSize }, (_, address) => address);
  const tag = (unit: number, address: number) =>
    `          - { path: ${path(unit, address)}, table: holding, address: ${address}, format: uint16 }`;
  const devices = units.map((unit) =>
    [`      - unit: ${unit}`, '        tags:', ...addresses.map((address) => tag(unit, address))].join('\n'),
  );
  return {
    sources: `  - id: field\n    kind: modbus\n    host: 127.0.0.1\n    port: ${port}\n    devices:\n${devices.join('\n')}\n`,
    paths: units.flatMap((unit) => addresses.map((address) => path(unit, address))),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** OPC UA variables that are set once a second. */
export async function startOpcuaField(dir: string): Promise<Field> {
  const port = await freePort();
  const certificates = (name: string) =>
    new OPCUACertificateManager({ rootFolder: join(dir, name), automaticallyAcceptUnknownCertificate: false });
  const server = new OPCUAServer({
    host: '127.0.0.1',
    port,
    allowAnonymous: true,
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
    serverCertificateManager: certificates('server'),
    userCertificateManager: certificates('user'),
  });
  await server.initialize();
  const namespace = server.engine.addressSpace!.registerNamespace('urn:payesh:bench');
  const folder = namespace.addFolder('ObjectsFolder', { browseName: 'Field' });
  const variables = Array.from({ length: valuesPerSecond }, (_, i) =>
    namespace.addVariable({
      componentOf: folder,
      browseName: `v${i}`,
      nodeId: `s=v${i}`,
      dataType: 'Double',
      minimumSamplingInterval: 100,
    }),
  );
  let second = 0;
  const set = () => {
    second += 1;
    for (const [i, variable] of variables.entries())
      variable.setValueFromSource({ dataType: DataType.Double, value: second + i });
  };
  set();
  const timer = setInterval(set, 1000);
  await server.start();
  const tags = variables.map(
    (_, i) => `          - { path: field/value-${i}, node: "nsu=urn:payesh:bench;s=v${i}", type: float }`,
  );
  const until = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  return {
    sources: `  - id: field\n    kind: opcua\n    endpoint: opc.tcp://127.0.0.1:${port}\n    security: { mode: none, waiver: { reason: a bench on this machine, expires: "${until}" } }\n    groups:\n      - tags:\n${tags.join('\n')}\n`,
    paths: variables.map((_, i) => `field/value-${i}`),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await server.shutdown(0);
    },
  };
}
