/**
 * An OPC UA server of a test that can be told to misbehave (delivery.md F34 to F36): answers of a service become faults,
 * notifications get lost, sessions and nodes vanish, namespaces come in another order, endpoint URLs lie.
 */
import {
  DataType,
  MessageSecurityMode,
  NotificationMessage,
  OPCUACertificateManager,
  OPCUAServer,
  type OPCUAServerOptions,
  PublishResponse,
  SecurityPolicy,
  ServiceFault,
  type StatusCode,
  StatusCodes,
  type UAVariable,
} from 'node-opcua';

export interface TestNode {
  readonly namespace: string;
  /** Also its identifier, `s=<name>`. */
  readonly name: string;
  /** Its value counts from here, and begins anew after 1000 steps: whose value one sees is plain from it. */
  readonly base: number;
}

export interface TestServerOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Where its certificate and key are made and kept. */
  readonly pkiDir: string;
  readonly certificateFile?: string;
  readonly privateKeyFile?: string;
  readonly applicationUri?: string;
  /** In the order in which they get their indices, from 2 on. */
  readonly namespaces: readonly string[];
  readonly nodes: readonly TestNode[];
  readonly tickMs: number;
  /** What it calls itself in its endpoints. */
  readonly announcedHost?: string;
  /** Without, all modes and modern policies beside None. */
  readonly onlyNone?: boolean;
  /** Whoever is not here is turned away; anonymous users are welcome without. */
  readonly users?: Readonly<Record<string, string>>;
  readonly more?: OPCUAServerOptions;
}

export interface TestServer extends AsyncDisposable {
  readonly endpoint: string;
  readonly server: OPCUAServer;
  /** The next answers of a service (`Publish`, `Read`) are this fault. */
  fault(service: string, status: keyof typeof StatusCodes, times: number): void;
  /** The next notifications never arrive. */
  loseNotifications(times: number): void;
  removeNode(name: string): void;
  /** How often a service was called. */
  calls(service: string): number;
}

type Handler = (message: { request: object }, channel: Channel) => void;
interface Channel {
  send_response(type: string, response: object, message: object, done: () => void): void;
}

const modernPolicies = [
  SecurityPolicy.Basic256Sha256,
  SecurityPolicy.Aes128_Sha256_RsaOaep,
  SecurityPolicy.Aes256_Sha256_RsaPss,
];

export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const { users } = options;
  const server = new OPCUAServer({
    host: '127.0.0.1',
    hostname: options.announcedHost ?? '127.0.0.1',
    port: options.port,
    allowAnonymous: !users,
    isAuditing: false,
    securityModes: options.onlyNone
      ? [MessageSecurityMode.None]
      : [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.None, ...(options.onlyNone ? [] : modernPolicies)],
    // Whom the server trusts is not what is tested: it is the agent that must look.
    serverCertificateManager: new OPCUACertificateManager({
      rootFolder: options.pkiDir,
      automaticallyAcceptUnknownCertificate: true,
    }),
    userCertificateManager: new OPCUACertificateManager({
      rootFolder: `${options.pkiDir}-users`,
      automaticallyAcceptUnknownCertificate: true,
    }),
    ...(options.certificateFile && {
      certificateFile: options.certificateFile,
      privateKeyFile: options.privateKeyFile,
    }),
    serverInfo: { applicationUri: options.applicationUri ?? 'urn:payesh:test:server' },
    ...(users && { userManager: { isValidUser: (name: string, password: string) => users[name] === password } }),
    serverCapabilities: { minSupportedSampleRate: 0, maxSessions: 100 },
    ...options.more,
  } as OPCUAServerOptions);
  await server.initialize();
  const addressSpace = server.engine.addressSpace!;
  for (const uri of options.namespaces) addressSpace.registerNamespace(uri);
  const variables = new Map<TestNode, UAVariable>();
  for (const node of options.nodes) {
    const namespace = addressSpace.registerNamespace(node.namespace);
    const variable = namespace.addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      browseName: node.name,
      nodeId: `s=${node.name}`,
      dataType: 'Int32',
      minimumSamplingInterval: 0,
    });
    variable.setValueFromSource({ dataType: DataType.Int32, value: node.base });
    variables.set(node, variable);
  }
  let step = 0;
  const ticking = setInterval(() => {
    step = (step + 1) % 1000;
    for (const [{ base }, variable] of variables) {
      variable.setValueFromSource({ dataType: DataType.Int32, value: base + step });
    }
  }, options.tickMs);
  await server.start();

  const counts = new Map<string, number>();
  server.on('request', (request: object) => {
    const service = request.constructor.name.replace(/Request$/, '');
    counts.set(service, (counts.get(service) ?? 0) + 1);
  });
  const handlers = server as unknown as Record<string, Handler>;
  const faults = new Map<string, { status: keyof typeof StatusCodes; times: number }>();
  const wrap = (service: string, wrapped: (handler: Handler, ...call: Parameters<Handler>) => void) => {
    const key = `_on_${service}Request`;
    const handler = handlers[key]!;
    handlers[key] = (message, channel) => wrapped((...call) => handler.apply(server, call), message, channel);
  };
  let toLose = 0;
  wrap('Publish', (handler, message, channel) => {
    const lossy: Channel = Object.create(channel);
    lossy.send_response = (type, response, ...rest) => {
      const { notificationMessage } = response as PublishResponse;
      if (toLose > 0 && (notificationMessage?.notificationData?.length ?? 0) > 0) {
        toLose--;
        // Answered all the same, as if there were nothing new: the next number tells that one is missing.
        const { sequenceNumber, publishTime } = notificationMessage;
        const empty = new PublishResponse(response as PublishResponse);
        empty.notificationMessage = new NotificationMessage({ sequenceNumber, publishTime, notificationData: [] });
        channel.send_response(type, empty, ...rest);
      } else channel.send_response(type, response, ...rest);
    };
    handler(message, lossy);
  });

  return {
    endpoint: `opc.tcp://127.0.0.1:${server.endpoints[0]!.port}`,
    server,
    fault(service, status, times) {
      if (!faults.has(service)) {
        wrap(service, (handler, message, channel) => {
          const fault = faults.get(service)!;
          if (fault.times-- <= 0) return handler(message, channel);
          const responseHeader = { serviceResult: StatusCodes[fault.status] as StatusCode };
          channel.send_response('MSG', new ServiceFault({ responseHeader }), message, () => {});
        });
      }
      faults.set(service, { status, times });
    },
    loseNotifications(times) {
      toLose = times;
    },
    removeNode(name) {
      for (const [node, variable] of variables) {
        if (node.name !== name) continue;
        variables.delete(node);
        addressSpace.deleteNode(variable);
      }
    },
    calls: (service) => counts.get(service) ?? 0,
    async [Symbol.asyncDispose]() {
      clearInterval(ticking);
      await server.shutdown(0);
    },
  };
}
