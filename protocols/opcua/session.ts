/**
 * One connection to an OPC UA server, with one anonymous session on it. node-opcua's own reconnecting is off: a session
 * that it repaired can be left without its subscriptions' publish requests, and nobody would notice. Whoever wants
 * another session makes one anew.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  AttributeIds,
  type ClientSession,
  type ClientSessionPublishService,
  type ClientSessionRawSubscriptionService,
  coerceNodeId,
  MessageSecurityMode,
  type NodeId,
  OPCUAClient,
  SecurityPolicy,
  setErrorLogger,
  setWarningLogger,
  VariableIds,
} from 'node-opcua-client';
import { ConnectionError } from '../errors.ts';
import { applicationName, openOwnCertificate } from './certificate.ts';
import type { OpcuaConfig } from './config.ts';
import { within } from './deadline.ts';
import { parseNode } from './node.ts';

/** The services as the standard has them. Every session offers them, though its type leaves them out. */
export type RawSession = ClientSession & ClientSessionPublishService & ClientSessionRawSubscriptionService;

export interface OpcuaSession extends AsyncDisposable {
  readonly session: RawSession;
  /** Aborted with a ConnectionError when the connection is lost, with the signal's reason when that aborts. */
  readonly closed: AbortSignal;
  /** The node at this server; undefined when the server does not have its namespace. */
  nodeIdOf(node: string): NodeId | undefined;
  /** 0 where the server sets no limit. */
  readonly maxMonitoredItemsPerCall: number;
}

/** Longer than any pause between publish requests, however rarely the server answers them. */
const sessionTimeoutMs = 120_000;
const closeTimeoutMs = 1500;

// What matters comes back as an error. The library would write everything to the console, in colours.
setWarningLogger(() => {});
setErrorLogger(() => {});

/** @throws {ConnectionError} @throws {ConfigError} when the agent's own certificate cannot be had. */
export async function connectSession(config: OpcuaConfig, dataDir: string, signal: AbortSignal): Promise<OpcuaSession> {
  const { endpoint, timeoutMs } = config;
  const client = OPCUAClient.create({
    applicationName,
    clientName: applicationName,
    certificateKeyPairProvider: await openOwnCertificate(dataDir),
    securityMode: MessageSecurityMode.None,
    securityPolicy: SecurityPolicy.None,
    // The host is the operator's, not what the server calls itself.
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    keepPendingSessionsOnDisconnect: true,
    requestedSessionTimeout: sessionTimeoutMs,
    // Of an idle socket: the watchdog of the subscription is faster.
    transportTimeout: sessionTimeoutMs,
    defaultTransactionTimeout: timeoutMs,
  });

  const lost = new AbortController();
  const lose = (why: string) => lost.abort(new ConnectionError(`the OPC UA connection to ${endpoint} ${why}`));
  client.on('connection_lost', () => lose('was lost'));
  client.on('close', () => lose('was closed'));
  const closed = AbortSignal.any([signal, lost.signal]);
  const ask = <T>(work: Promise<T>, doing: string) => within(work, timeoutMs, closed, `${endpoint}: ${doing}`);

  let session: RawSession | undefined;
  const close = async () => {
    // The server keeps a session that was not closed until it times out, and has not many.
    const politely = async () => {
      if (!lost.signal.aborted) await session?.close(true);
      await client.disconnect();
    };
    await Promise.race([politely().catch(() => {}), delay(closeTimeoutMs, undefined, { ref: false })]);
  };

  try {
    await ask(client.connect(endpoint), 'connecting');
    session = (await ask(client.createSession(), 'creating a session')) as RawSession;
    session.on('session_closed', () => lose('lost its session'));
    const [namespaceArray, limit] = await ask(
      session.read([
        { nodeId: coerceNodeId(VariableIds.Server_NamespaceArray), attributeId: AttributeIds.Value },
        {
          nodeId: coerceNodeId(VariableIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall),
          attributeId: AttributeIds.Value,
        },
      ]),
      'reading its namespaces',
    );
    const namespaces: string[] = namespaceArray?.value?.value ?? [];
    return {
      session,
      closed,
      maxMonitoredItemsPerCall: limit?.statusCode.isGood() ? Number(limit.value?.value ?? 0) : 0,
      nodeIdOf(node) {
        const { namespaceUri, identifier } = parseNode(node)!;
        const index = namespaces.indexOf(namespaceUri);
        return index < 0 ? undefined : coerceNodeId(identifier, index);
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
