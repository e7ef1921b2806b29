/**
 * Both ends that the agent is measured between, each as a process: `server`, an OPC UA server with many values that all
 * change every second; and `client`, a bare node-opcua client that subscribes to all of them and does nothing with them.
 */
import { join } from 'node:path';
import {
  AttributeIds,
  ClientMonitoredItemGroup,
  ClientSubscription,
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAClient,
  OPCUAServer,
  SecurityPolicy,
  TimestampsToReturn,
} from 'node-opcua';

export interface FieldOptions {
  readonly role: 'server' | 'client';
  readonly dir: string;
  readonly items: number;
  /** Of the client. */
  readonly endpoint?: string;
}

export type FieldMessage =
  | { readonly endpoint: string; readonly certificate: string }
  /** Sent twice a second by the client. */
  | { readonly values: number; readonly live: number };

export const namespaceUri = 'urn:payesh:bench';
const intervalMs = 1000;
const lengthMs = 500;

async function serve({ dir, items }: FieldOptions): Promise<FieldMessage> {
  const server = new OPCUAServer({
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    port: 0,
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: join(dir, 'server'),
      automaticallyAcceptUnknownCertificate: true,
    }),
    userCertificateManager: new OPCUACertificateManager({ rootFolder: join(dir, 'users') }),
    serverInfo: { applicationUri: 'urn:payesh:bench:server' },
    maxConnectionsPerEndpoint: 10,
  });
  await server.initialize();
  const addressSpace = server.engine.addressSpace!;
  const namespace = addressSpace.registerNamespace(namespaceUri);
  const folder = namespace.addFolder('ObjectsFolder', { browseName: 'Field' });
  const variables = Array.from({ length: items }, (_, i) =>
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
    second++;
    for (const [i, variable] of variables.entries()) {
      variable.setValueFromSource({ dataType: DataType.Double, value: second + i / 8 });
    }
  };
  set();
  setInterval(set, intervalMs);
  await server.start();
  return {
    endpoint: `opc.tcp://127.0.0.1:${server.endpoints[0]!.port}`,
    certificate: server.getCertificate().toString('base64'),
  };
}

/** The same subscription as the agent's, over the same security, by the library's own means. */
async function subscribe({ dir, items, endpoint }: FieldOptions): Promise<void> {
  const client = OPCUAClient.create({
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy.Aes256_Sha256_RsaPss,
    clientCertificateManager: new OPCUACertificateManager({
      rootFolder: join(dir, 'client'),
      automaticallyAcceptUnknownCertificate: true,
    }),
    endpointMustExist: false,
  });
  await client.connect(endpoint!);
  const session = await client.createSession();
  const index = (await session.readNamespaceArray()).indexOf(namespaceUri);
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: intervalMs,
    requestedMaxKeepAliveCount: 10,
    requestedLifetimeCount: 100,
    maxNotificationsPerPublish: 4096,
    publishingEnabled: true,
    priority: 0,
  });
  const nodes = Array.from({ length: items }, (_, i) => ({
    nodeId: `ns=${index};s=v${i}`,
    attributeId: AttributeIds.Value,
  }));
  const parameters = { samplingInterval: intervalMs, queueSize: 10, discardOldest: true };
  let values = 0;
  let live = 0;
  const seen = new Uint8Array(items);
  const group = ClientMonitoredItemGroup.create(subscription, nodes, parameters, TimestampsToReturn.Both);
  group.on('changed', (_item, _value, i) => {
    values++;
    if (seen[i] === 0) live++;
    seen[i] = 1;
  });
  setInterval(() => process.send!({ values, live } satisfies FieldMessage), lengthMs);
}

if (import.meta.main) {
  const options: FieldOptions = JSON.parse(process.argv[2]!);
  process.on('disconnect', () => process.exit());
  if (options.role === 'server') process.send!(await serve(options));
  else await subscribe(options);
}
