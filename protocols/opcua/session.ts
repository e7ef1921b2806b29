/**
 * A connection to an OPC UA server, secured as configured, and sessions on it. node-opcua's own reconnecting and
 * repairing is off: a session that it repaired can be left without its subscriptions' publish requests, and nobody would
 * notice. Whoever wants another session or connection makes one anew.
 */
import {
  AsymmetricAlgorithmSecurityHeader,
  AttributeIds,
  type ClientSession,
  type ClientSessionPublishService,
  type ClientSessionRawSubscriptionService,
  coerceNodeId,
  type DataValue,
  type NodeId,
  type OPCUAClient,
  VariableIds,
} from 'node-opcua-client';
import { ConnectionError } from '../errors.ts';
import type { SourceContext } from '../tag-config.ts';
import { type OwnCertificate, openOwnCertificate } from './certificate.ts';
import { type ClientSecurity, closeInTime, createClient } from './client.ts';
import type { OpcuaConnectionConfig } from './connection-config.ts';
import { within } from './deadline.ts';
import { chooseEndpoint } from './endpoints.ts';
import { createNamespaces, type Namespaces } from './namespaces.ts';
import { endsSession, faultOf } from './status.ts';
import { identityOf } from './user.ts';

/** The services as the standard has them. Every session offers them, though its type leaves them out. */
export type RawSession = ClientSession & ClientSessionPublishService & ClientSessionRawSubscriptionService;

export interface OpcuaConnection extends AsyncDisposable {
  /** Aborted with a ConnectionError when the connection is lost, with the signal's reason when that aborts. */
  readonly closed: AbortSignal;
  /** @throws {ConnectionError} with the code `user-refused` when the server does not take the user. */
  openSession(): Promise<OpcuaSession>;
}

export interface OpcuaSession extends AsyncDisposable {
  readonly session: RawSession;
  /** As of the connection; and when the server says that it does not know the session any more. */
  readonly closed: AbortSignal;
  readonly namespaces: Namespaces;
  readonly limits: OperationLimits;
  readonly product: { readonly productUri: string; readonly productName: string; readonly softwareVersion: string };
}

/** OPC 10000-5 6.3.11. 0 where the server sets no limit, or does not say. */
export interface OperationLimits {
  readonly nodesPerRead: number;
  readonly monitoredItemsPerCall: number;
  readonly nodesPerBrowse: number;
  readonly nodesPerTranslate: number;
  readonly nodesPerHistoryRead: number;
}

/** What a session wants to know of its server at once. */
const facts = [
  VariableIds.Server_NamespaceArray,
  VariableIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
  VariableIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
  VariableIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
  VariableIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
  VariableIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
  VariableIds.Server_ServerStatus_BuildInfo_ProductUri,
  VariableIds.Server_ServerStatus_BuildInfo_ProductName,
  VariableIds.Server_ServerStatus_BuildInfo_SoftwareVersion,
].map((id) => ({ nodeId: coerceNodeId(id), attributeId: AttributeIds.Value }));

/**
 * @throws {ConnectionError} with the code `server-not-trusted` where a technician must approve the server's certificate.
 * @throws {ConfigError} when the agent's own certificate or the user's files cannot be had.
 */
export async function connectOpcua(
  config: OpcuaConnectionConfig,
  context: Pick<SourceContext, 'dataDir' | 'secret' | 'log'>,
  signal: AbortSignal,
): Promise<OpcuaConnection> {
  const { endpoint, timeoutMs } = config;
  const own = await openOwnCertificate(context.dataDir);
  const identity = identityOf(config.user, context.secret);
  const chosen = await chooseEndpoint(config, context, own, signal);
  const client = createClient(own, timeoutMs, chosen);

  const lost = new AbortController();
  const lose = (why: string) => lost.abort(new ConnectionError(`the OPC UA connection to ${endpoint} ${why}`));
  client.on('connection_lost', () => lose('was lost'));
  client.on('close', () => lose('was closed'));
  if (chosen.certificate) demandCertificate(client, chosen.certificate, lose);
  const closed = AbortSignal.any([signal, lost.signal]);
  const ask = <T>(work: Promise<T>, doing: string) => within(work, timeoutMs, closed, `${endpoint}: ${doing}`);
  const close = () => closeInTime(() => client.disconnect());

  try {
    await ask(client.connect(endpoint), 'connecting');
  } catch (error) {
    await close();
    throw chosen.certificate && !closed.aborted ? refusalOfAgent(error, own, chosen) : error;
  }

  return {
    closed,
    async openSession() {
      let session: RawSession;
      try {
        session = (await ask(client.createSession(identity), 'creating a session')) as RawSession;
      } catch (error) {
        throw refusalOfUser(error, endpoint);
      }
      const ended = new AbortController();
      const end = (why: string) => ended.abort(new ConnectionError(`${endpoint}: ${why}`));
      const sessionClosed = AbortSignal.any([closed, ended.signal]);
      leaveUnrepaired(session, end);
      const closeSession = async () => {
        // A session that is closed on purpose has not been lost.
        session.removeAllListeners('session_closed');
        // The server keeps a session that was not closed until it times out, and has not many.
        if (!lost.signal.aborted) await closeInTime(() => session.close(true));
      };
      try {
        const known = await ask(readFacts(session), 'reading its namespaces and limits');
        return { ...known, session, closed: sessionClosed, [Symbol.asyncDispose]: closeSession };
      } catch (error) {
        await closeSession();
        throw error;
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Ends the connection when the server signs with another certificate than the one that was checked. */
function demandCertificate(client: OPCUAClient, certificate: Buffer, lose: (why: string) => void): void {
  client.on('secure_channel_created', (channel) => {
    channel.on('message', (_response, _type, header) => {
      if (!(header instanceof AsymmetricAlgorithmSecurityHeader)) return;
      // Certificates of its issuers may follow.
      if (!header.senderCertificate?.subarray(0, certificate.length).equals(certificate)) {
        lose('was answered with another certificate');
      }
    });
  });
}

/** The library would put another session in the place of one that the server does not know, without subscriptions. */
function leaveUnrepaired(session: RawSession, end: (why: string) => void): void {
  type Perform = (request: object, callback: (error: Error | null, response?: object) => void) => void;
  const inner = session as unknown as { performMessageTransaction: Perform; _performMessageTransaction: Perform };
  inner.performMessageTransaction = (request, callback) =>
    inner._performMessageTransaction(request, (error, response) => {
      // The caller hears it first, and may know better what to do than to give up the session.
      if (/BadSession(IdInvalid|Closed|NotActivated)/.test(error?.message ?? '')) {
        setImmediate(end, 'the server ended the session');
      }
      callback(error, response);
    });
  session.on('session_closed', () => end('the session was closed'));
}

async function readFacts(session: RawSession): Promise<Pick<OpcuaSession, 'namespaces' | 'limits' | 'product'>> {
  const values = (await readInParts(session, facts)).map((dataValue) =>
    dataValue?.statusCode.isGood() ? dataValue.value?.value : undefined,
  );
  const namespaces = createNamespaces();
  namespaces.learn(values[0]);
  const [read, monitored, browse, translate, history] = values.slice(1, 6).map((limit) => Number(limit ?? 0));
  const [productUri, productName, softwareVersion] = values.slice(6).map((text) => String(text ?? ''));
  return {
    namespaces,
    limits: {
      nodesPerRead: read!,
      monitoredItemsPerCall: monitored!,
      nodesPerBrowse: browse!,
      nodesPerTranslate: translate!,
      nodesPerHistoryRead: history!,
    },
    product: { productUri: productUri!, productName: productName!, softwareVersion: softwareVersion! },
  };
}

/** How much may be read at a time is not known yet: what is refused as a whole is read in halves. */
async function readInParts(
  session: RawSession,
  nodes: readonly { nodeId: NodeId; attributeId: AttributeIds }[],
): Promise<(DataValue | undefined)[]> {
  try {
    return await session.read([...nodes]);
  } catch (error) {
    const fault = faultOf(error);
    if (fault === undefined || endsSession(fault)) throw error;
    if (nodes.length === 1) return [undefined];
    const half = nodes.length >> 1;
    return [...(await readInParts(session, nodes.slice(0, half))), ...(await readInParts(session, nodes.slice(half)))];
  }
}

/** Servers drop the connection of a client whose certificate they do not trust; few say why. */
function refusalOfAgent(error: unknown, own: OwnCertificate, { policy }: ClientSecurity): unknown {
  if (!(error instanceof ConnectionError) || !/rejected|BadSecurityChecksFailed|BadCertificate/.test(error.message))
    return error;
  const hint = `the server may not trust this agent's certificate yet: trust "${own.subject}", SHA-1 ${own.sha1}, there`;
  return new ConnectionError(`${error.message} (${policy.split('#').at(-1)}; ${hint})`, {
    code: 'agent-not-trusted',
    cause: error.cause,
  });
}

function refusalOfUser(error: unknown, endpoint: string): unknown {
  if (!(error instanceof ConnectionError) || !/Bad(IdentityToken|UserAccess)|user token policy/i.test(error.message))
    return error;
  return new ConnectionError(`${endpoint}: the server refused the user (${error.message})`, {
    code: 'user-refused',
    cause: error.cause,
  });
}
