/** What the tests of the OPC UA driver share: a server with variables of their own, and the driver's source on it. */
import { join } from 'node:path';
import {
  type AddressSpace,
  DataType,
  type Namespace,
  OPCUACertificateManager,
  OPCUAServer,
  type OPCUAServerOptions,
  type UAObject,
  type UAVariable,
} from 'node-opcua';
import type { Test } from 'tap';
import { type Clock, systemClock } from '../../protocols/clock.ts';
import { type OpcuaConfig, opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { createOpcuaSource } from '../../protocols/opcua/source.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import type { Sample, TimeUs } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';
import type { SourceContext, TagDeclaration } from '../../protocols/tag-config.ts';

export type Input = Record<string, unknown>;
export const uri = 'urn:payesh:test';

export const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
export const security = { mode: 'none', waiver: { reason: 'a server of the test, on loopback', expires: inDays(30) } };

/** One group of these tags; `group` and `more` change what is said of it and of the entry. */
export const configOf = (port: number, tags: readonly Input[], group: Input = {}, more: Input = {}): OpcuaConfig =>
  opcuaSourceSchema.parse({
    kind: 'opcua',
    id: 'line',
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    security,
    groups: [{ publishingIntervalMs: 50, samplingIntervalMs: 20, ...group, tags }],
    ...more,
  });

export const tagOf = (name: string, type = 'float', more: Input = {}): Input => ({
  path: `a/${name.toLowerCase()}`,
  node: `nsu=${uri};s=${name}`,
  type,
  ...more,
});

export interface TestSource {
  readonly source: Source;
  readonly ids: ReadonlyMap<string, number>;
  /** Every set of tags that was found by browsing. */
  readonly declared: (readonly TagDeclaration[])[];
  readonly warnings: { readonly fields: object; readonly message: string }[];
}

export function sourceOf(
  config: OpcuaConfig,
  dataDir: string,
  more: Partial<SourceContext> & { clock?: Clock } = {},
): TestSource {
  const ids = new Map(opcuaTags(config).map(({ path }, i) => [path, i + 1]));
  const all = new Map(ids);
  const declared: (readonly TagDeclaration[])[] = [];
  const warnings: TestSource['warnings'] = [];
  const source = createOpcuaSource(config, {
    tagIds: ids,
    declare: async (found) => {
      declared.push(found);
      for (const { path } of found) if (!all.has(path)) all.set(path, all.size + 1);
      return new Map(found.map(({ path }) => [path, all.get(path)!]));
    },
    acceptedUntil: () => undefined,
    secret: () => '',
    clock: systemClock,
    dataDir,
    log: {
      info() {},
      warn: (fields, message) => void warnings.push({ fields, message }),
    },
    ...more,
  });
  return { source, ids: all, declared, warnings };
}

/** The readings until there are enough; after a minute it fails. */
export async function take(source: Source, enough: (readings: readonly Reading[]) => unknown): Promise<Reading[]> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 60_000);
  const readings: Reading[] = [];
  let isEnough = false;
  try {
    for await (const reading of source.read(stop.signal)) {
      readings.push(reading);
      isEnough = Boolean(await enough(readings));
      if (isEnough) stop.abort();
    }
  } finally {
    clearTimeout(timer);
  }
  if (!isEnough) throw new Error('what was waited for did not come');
  return readings;
}

export const samplesOf = (readings: readonly Reading[], tag: number): Sample[] =>
  readings.flatMap(({ samples }) => samples.filter((sample) => sample.tag === tag));

/** The last value of each tag. */
export const valuesOf = (readings: readonly Reading[]): Map<number, Sample> =>
  new Map(readings.flatMap(({ samples }) => samples.map((sample) => [sample.tag, sample] as const)));

export interface VariableServer extends AsyncDisposable {
  readonly server: OPCUAServer;
  readonly port: number;
  readonly addressSpace: AddressSpace;
  readonly namespace: Namespace;
  readonly device: UAObject;
  add(name: string, dataType: DataType | string, more?: Input): UAVariable;
}

export async function startServer(pkiDir: string, more: OPCUAServerOptions = {}): Promise<VariableServer> {
  const [serverCertificateManager, userCertificateManager] = ['server', 'user'].map(
    (name) => new OPCUACertificateManager({ rootFolder: join(pkiDir, name) }),
  );
  const server = new OPCUAServer({
    host: '127.0.0.1',
    // It calls itself by a name that leads nowhere.
    hostname: 'plc.invalid',
    port: 0,
    serverCertificateManager: serverCertificateManager!,
    // Its default is a folder in the user's home.
    userCertificateManager: userCertificateManager!,
    securityModes: [1],
    securityPolicies: ['None' as never],
    ...more,
  });
  await server.initialize();
  const addressSpace = server.engine.addressSpace!;
  addressSpace.registerNamespace('urn:payesh:another');
  const namespace = addressSpace.registerNamespace(uri);
  const device = namespace.addObject({ organizedBy: addressSpace.rootFolder.objects, browseName: 'device' });
  await server.start();
  return {
    server,
    port: (server.endpoints[0] as unknown as { port: number }).port,
    addressSpace,
    namespace,
    device,
    add: (name, dataType, options = {}) =>
      namespace.addVariable({
        componentOf: device,
        browseName: name,
        nodeId: `s=${name}`,
        dataType,
        minimumSamplingInterval: 10,
        ...options,
      }),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** One server for all tests of a file, and a folder for the side of the agent. */
export async function serverOfFile(t: Test) {
  const root = t.testdir({ client: {}, server: {} });
  const opc = await startServer(join(root, 'server'));
  t.teardown(() => opc[Symbol.asyncDispose]());
  return { opc, port: opc.port, dataDir: join(root, 'client') };
}

export const double = (value: number) => ({ dataType: DataType.Double, value });
export const int32 = (value: number) => ({ dataType: DataType.Int32, value });
export const nowUs = (): TimeUs => systemClock.now();
