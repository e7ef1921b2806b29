import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataType, OPCUACertificateManager, OPCUAServer, type UAVariable } from 'node-opcua';
import t from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { type OpcuaConfig, opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { createOpcuaSource } from '../../protocols/opcua/source.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import type { Source } from '../../protocols/source.ts';
import { sourceContract } from '../contract/source.ts';

type Input = Record<string, unknown>;
const root = t.testdir({ client: {}, server: {} });
const dataDir = join(root, 'client');
const uri = 'urn:payesh:test';

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const security = { mode: 'none', waiver: { reason: 'a server of the test, on loopback', expires: inDays(30) } };

const configOf = (port: number, tags: readonly Input[], more: Input = {}): OpcuaConfig =>
  opcuaSourceSchema.parse({ kind: 'opcua', id: 'line', endpoint: `opc.tcp://127.0.0.1:${port}`, security, tags, ...more });

function sourceOf(config: OpcuaConfig, clock = systemClock): Source {
  const tagIds = new Map(opcuaTags(config).map(({ path }, i) => [path, i + 1]));
  return createOpcuaSource(config, { tagIds, clock, dataDir, log: { info() {}, warn() {} } });
}

async function startServer(define: (add: (name: string, dataType: DataType) => UAVariable) => void, more: Input = {}) {
  const serverCertificateManager = new OPCUACertificateManager({ rootFolder: join(root, 'server') });
  // It calls itself by a name that leads nowhere.
  const server = new OPCUAServer({
    host: '127.0.0.1',
    hostname: 'plc.invalid',
    port: 0,
    serverCertificateManager,
    securityModes: [1],
    securityPolicies: ['None' as never],
    ...more,
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  addressSpace!.registerNamespace('urn:payesh:another');
  const namespace = addressSpace!.registerNamespace(uri);
  const device = namespace.addObject({ organizedBy: addressSpace!.rootFolder.objects, browseName: 'device' });
  define((name, dataType) =>
    namespace.addVariable({
      componentOf: device,
      browseName: name,
      nodeId: `s=${name}`,
      dataType,
      minimumSamplingInterval: 10,
    }),
  );
  await server.start();
  return { server, port: (server.endpoints[0] as unknown as { port: number }).port };
}

let written: UAVariable;
const { server, port } = await startServer((add) => {
  written = add('written', DataType.Double);
  written.setValueFromSource({ dataType: DataType.Double, value: 0 });
  for (const name of ['b', 'c']) add(name, DataType.Int32).setValueFromSource({ dataType: DataType.Int32, value: 7 });
});
t.teardown(() => server.shutdown(0));

sourceContract(t, 'opcua', async () => ({
  port,
  sourceAt: (relay) => {
    const tags = ['written', 'absent', 'b', 'c'].map((name) => ({
      path: `a/${name}`,
      node: `nsu=${uri};s=${name}`,
      type: name === 'written' ? 'float' : 'int',
    }));
    return sourceOf(configOf(relay, tags, { publishingIntervalMs: 50, samplingIntervalMs: 20, timeoutMs: 1000 }));
  },
  tagIds: [1, 2, 3, 4],
  written: 1,
  write: (value) => written.setValueFromSource({ dataType: DataType.Double, value }),
  absent: 2,
  silenceMs: 9000,
  async [Symbol.asyncDispose]() {},
}));
