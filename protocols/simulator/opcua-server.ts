/**
 * The OPC UA server of the machining plant. Its nodes are the plant's tags; every change is pushed with the factory's
 * time of the change as its source timestamp, so that a client sees when it happened and not when it was served.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DataType,
  type EUInformation,
  MessageSecurityMode,
  makeEUInformation,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  standardUnits,
  type UAObject,
  type UAVariable,
} from 'node-opcua';
import type { FactoryListener, Signal } from './factory-record.ts';

const demoNamespace = 'urn:payesh:demo-factory';

export interface OpcuaServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Where certificates are made and kept, the server's own as `server.der` too; nothing is written anywhere else. */
  readonly pkiDir: string;
  /** The tags to serve. */
  readonly signals: readonly Signal[];
  /** Hears of changes of signals; other signals than those above are left alone. */
  readonly listen: (listener: FactoryListener) => () => void;
}

export interface DemoOpcuaServer {
  /** `opc.tcp://host:port/payesh/demo`. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Data type by the last word of the tag path. */
const dataTypes: { readonly [name: string]: keyof typeof DataType } = {
  state: 'Int32',
  mode: 'Int32',
  'count-total': 'UInt16',
  'count-good': 'UInt16',
  'count-scrap': 'UInt16',
  'spindle-load': 'Float',
  temperature: 'Double',
  alarm: 'String',
  kwh: 'Double',
  kvarh: 'Double',
  power: 'Float',
  'reactive-power': 'Float',
  'power-factor': 'Float',
};

/** Unit and range (OPC 10000-8 5.3.2) of measurements, by the last word of the tag path. */
const engineering: {
  readonly [name: string]: { readonly unit: EUInformation; readonly range: readonly [number, number] };
} = {
  'spindle-load': { unit: standardUnits.percent, range: [0, 120] },
  temperature: { unit: standardUnits.degree_celsius, range: [0, 150] },
  power: { unit: standardUnits.kilowatt, range: [0, 500] },
  'reactive-power': { unit: makeEUInformation('KVR', 'kvar', 'kilovolt ampere reactive'), range: [-500, 500] },
};

const resourcePath = '/payesh/demo';

/** @throws an error with the code EADDRINUSE when the port is taken. */
export async function startOpcuaServer(options: OpcuaServerOptions): Promise<DemoOpcuaServer> {
  const server = new OPCUAServer({
    host: options.host,
    hostname: options.host,
    port: options.port,
    resourcePath,
    allowAnonymous: true,
    isAuditing: false,
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [
      SecurityPolicy.None,
      SecurityPolicy.Basic256Sha256,
      SecurityPolicy.Aes128_Sha256_RsaOaep,
      SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
    serverCertificateManager: certificatesIn(join(options.pkiDir, 'server')),
    userCertificateManager: certificatesIn(join(options.pkiDir, 'user')),
    buildInfo: { productName: 'Payesh demo factory', manufacturerName: 'Payesh' },
    serverInfo: { applicationName: { text: 'Payesh demo factory' }, applicationUri: 'urn:payesh:demo-factory:server' },
    // 0 lets a client ask for every change as it happens (OPC 10000-4 5.13.1.2) instead of samples of it. Sessions of
    // clients that were killed live on until they time out, so there is room for many.
    serverCapabilities: { minSupportedSampleRate: 0, maxSessions: 100 },
    maxConnectionsPerEndpoint: 100,
  });
  await server.initialize();
  // What a client's operator compares, or approves beforehand.
  writeFileSync(join(options.pkiDir, 'server.der'), server.getCertificate());
  const variables = addVariables(server, options.signals);
  const stopListening = options.listen({
    changed: (signal) => {
      const variable = variables.get(signal);
      if (variable) push(variable, signal);
    },
  });
  await server.start();
  return {
    endpoint: server.getEndpointUrl(),
    async close() {
      stopListening();
      await server.shutdown(0);
    },
  };
}

const certificatesIn = (rootFolder: string): OPCUACertificateManager =>
  new OPCUACertificateManager({ rootFolder, automaticallyAcceptUnknownCertificate: true });

/** One folder per step of the path; the node id is the path with dots. */
function addVariables(server: OPCUAServer, signals: readonly Signal[]): Map<Signal, UAVariable> {
  const addressSpace = server.engine.addressSpace!;
  const namespace = addressSpace.registerNamespace(demoNamespace);
  const folders = new Map<string, UAObject>([['', addressSpace.rootFolder.objects]]);
  const folderOf = (steps: readonly string[]): UAObject => {
    const nodeId = steps.join('.');
    const known = folders.get(nodeId);
    if (known) return known;
    const folder = namespace.addFolder(folderOf(steps.slice(0, -1)), {
      browseName: steps.at(-1)!,
      nodeId: `s=${nodeId}`,
    });
    folders.set(nodeId, folder);
    return folder;
  };
  const variables = new Map<Signal, UAVariable>();
  for (const signal of signals) {
    const steps = signal.path.split('/');
    const name = steps.at(-1)!;
    const common = {
      organizedBy: folderOf(steps.slice(0, -1)),
      browseName: name,
      nodeId: `s=${steps.join('.')}`,
      dataType: DataType[dataTypes[name]!],
      accessLevel: 'CurrentRead',
      userAccessLevel: 'CurrentRead',
      minimumSamplingInterval: 0,
    };
    const { unit, range: [low, high] = [0, 0] } = engineering[name] ?? {};
    const variable = unit
      ? namespace.addAnalogDataItem({ ...common, engineeringUnits: unit, engineeringUnitsRange: { low, high } })
      : namespace.addVariable(common);
    push(variable, signal);
    variables.set(signal, variable);
  }
  return variables;
}

function push(variable: UAVariable, { path, value, time }: Signal): void {
  const dataType = DataType[dataTypes[path.slice(path.lastIndexOf('/') + 1)]!];
  variable.setValueFromSource({ dataType, value }, StatusCodes.Good, new Date(time / 1000));
}
