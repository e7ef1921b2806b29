/**
 * What a technician asks of a server before anything runs: what it offers, what it has, what one node holds just now.
 * Over a short connection of its own, so that whatever the agent has open stays as it is. Nothing is written.
 */
import {
  AttributeIds,
  coerceNodeId,
  type DataValue,
  type EndpointDescription,
  MessageSecurityMode,
  type NodeId,
  ObjectIds,
  UserTokenType,
} from 'node-opcua-client';
import { systemClock } from '../clock.ts';
import { ConnectionError, RejectedError } from '../errors.ts';
import type { Inspection, InspectRequest } from '../inspect.ts';
import type { TagType } from '../sample.ts';
import type { SourceContext } from '../tag-config.ts';
import { browseTree, type FoundVariable, pathText } from './browse.ts';
import { openOwnCertificate } from './certificate.ts';
import type { OpcuaConnectionConfig } from './connection-config.ts';
import { createTypeBook } from './data-type.ts';
import { askEndpoints, firstOf, policies } from './endpoints.ts';
import { variantText } from './inspect.ts';
import { inspectOver } from './inspect-node.ts';
import { type BrowseStep, parseBrowsePath } from './node.ts';
import { resolveNodes } from './resolve.ts';
import { identifyServer, type ServerIdentity } from './server-certificate.ts';
import { createServices, type Outcome, type Services } from './services.ts';
import { connectOpcua, type OpcuaSession } from './session.ts';
import { nameOf, SessionLost } from './status.ts';
import { readProperties } from './traits.ts';

export interface EndpointOffer {
  /** As the server announces it; we keep to the configured host. */
  readonly url: string;
  readonly mode: 'none' | 'sign' | 'sign-and-encrypt';
  /** As in the configuration where we use it, else as the server calls it. */
  readonly policy: string;
  readonly users: readonly ('anonymous' | 'name' | 'certificate')[];
  /** The server's own opinion, 0 to 255. */
  readonly securityLevel: number;
  /** false for what is obsolete or unknown to us. */
  readonly supported: boolean;
}
export interface ServerOffers {
  readonly offers: readonly EndpointOffer[];
  /** Absent where the server shows no certificate. */
  readonly identity?: ServerIdentity | undefined;
}
export type { ServerIdentity };

/** @throws {ConnectionError} */
export async function listOffers(
  endpoint: string,
  { timeoutMs, dataDir }: { readonly timeoutMs: number; readonly dataDir: string },
  signal: AbortSignal,
): Promise<ServerOffers> {
  const endpoints = await askEndpoints(endpoint, timeoutMs, await openOwnCertificate(dataDir), signal);
  const secured = endpoints.find(({ serverCertificate }) => serverCertificate?.length > 0);
  return {
    offers: endpoints.map(offerOf).sort((a, b) => b.securityLevel - a.securityLevel),
    identity: secured && identityOrNone(secured),
  };
}

const modes = new Map<MessageSecurityMode, EndpointOffer['mode']>([
  [MessageSecurityMode.None, 'none'],
  [MessageSecurityMode.Sign, 'sign'],
  [MessageSecurityMode.SignAndEncrypt, 'sign-and-encrypt'],
]);
const users = new Map<UserTokenType, EndpointOffer['users'][number]>([
  [UserTokenType.Anonymous, 'anonymous'],
  [UserTokenType.UserName, 'name'],
  [UserTokenType.Certificate, 'certificate'],
]);

function offerOf({
  endpointUrl,
  securityMode,
  securityPolicyUri,
  userIdentityTokens,
  securityLevel,
}: EndpointDescription): EndpointOffer {
  const mode = modes.get(securityMode) ?? 'none';
  const ours = [...policies].find(([, uri]) => uri === securityPolicyUri)?.[0];
  const kinds = (userIdentityTokens ?? []).flatMap(({ tokenType }) => users.get(tokenType) ?? []);
  return {
    url: endpointUrl ?? '',
    mode,
    policy: ours ?? securityPolicyUri?.split('#').at(-1)?.toLowerCase() ?? '',
    users: [...new Set(kinds)],
    securityLevel,
    supported: mode === 'none' || ours !== undefined,
  };
}

function identityOrNone({ serverCertificate, server }: EndpointDescription): ServerIdentity | undefined {
  try {
    return identifyServer(firstOf(serverCertificate), server.applicationName?.text ?? '');
  } catch {
    return undefined;
  }
}

export interface BrowsedVariable {
  /** `nsu=…;s=…`. */
  readonly node: string;
  /** Browse names from where it began, `/A/B`; from the Objects folder this can stand as a tag's node. */
  readonly path: string;
  readonly name: string;
  readonly dataType: string;
  /** What a tag of it would be; undefined: cannot be a tag. */
  readonly type?: TagType | undefined;
  /** Of an array; 0 when the server does not say. */
  readonly arrayLength?: number | undefined;
  readonly description: string;
  readonly unit?: string | undefined;
  /** EURange: what it is expected to be between. */
  readonly range?: readonly [number, number] | undefined;
  readonly value?: string | undefined;
  readonly status?: number | undefined;
}

export interface BrowseVariablesOptions {
  /** A node or a path; the Objects folder by default. */
  readonly from?: string | undefined;
  /** See glob.ts; everything by default. */
  readonly match?: string | undefined;
  /** Nodes that are looked at; then it ends. */
  readonly maxNodes: number;
  readonly withValues: boolean;
  onProgress?(nodes: number): void;
}

type Context = Pick<SourceContext, 'dataDir' | 'secret' | 'log'>;

/** What is known of a variable is read for so many at a time. */
const variablesAtOnce = 200;
const maxValueLength = 200;

/** @throws {ConnectionError} @throws {RejectedError} when there is nothing at `from`. */
export async function* browseVariables(
  config: OpcuaConnectionConfig,
  options: BrowseVariablesOptions,
  context: Context,
  signal: AbortSignal,
): AsyncGenerator<BrowsedVariable> {
  const { from, match = '**', maxNodes, withValues, onProgress } = options;
  try {
    await using explorer = await openExplorer(config, context, signal);
    const { services } = explorer;
    const namespaces = explorer.opcua.namespaces.uris;
    const start = from === undefined ? coerceNodeId(ObjectIds.ObjectsFolder) : await explorer.locate(from);
    const above = (from && parseBrowsePath(from)) || [];
    const describe = createDescriber(services, above, withValues);
    let found: FoundVariable[] = [];
    for await (const variable of browseTree(services, start, { match, maxNodes, onProgress, namespaces })) {
      found.push(variable);
      if (found.length < variablesAtOnce) continue;
      yield* await describe(found);
      found = [];
    }
    yield* await describe(found);
  } catch (error) {
    throw asConnectionError(error);
  }
}

/** @throws {ConnectionError} @throws {RejectedError} when a path leads nowhere; a node that is not there is Bad. */
export async function inspectNode(
  config: OpcuaConnectionConfig,
  request: InspectRequest & { kind: 'opcua' },
  context: Context,
  signal: AbortSignal,
): Promise<Inspection & { kind: 'opcua' }> {
  try {
    await using explorer = await openExplorer(config, context, signal);
    return await inspectOver(explorer.opcua, explorer.services, request, systemClock);
  } catch (error) {
    throw asConnectionError(error);
  }
}

interface Explorer extends AsyncDisposable {
  readonly opcua: OpcuaSession;
  readonly services: Services;
  /** @throws {RejectedError} when there is no such node. */
  locate(node: string): Promise<NodeId>;
}

async function openExplorer(config: OpcuaConnectionConfig, context: Context, signal: AbortSignal): Promise<Explorer> {
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connectOpcua(config, context, signal));
  const opcua = stack.use(await connection.openSession());
  const limits = { nodesPerRead: 0, monitoredItemsPerCall: 0, nodesPerBrowse: 0, nodesPerHistoryRead: 0 };
  const services = createServices(opcua, { ...config, limits, profile: 'auto' }, opcua.closed);
  const opened = stack.move();
  return {
    opcua,
    services,
    async locate(node) {
      const nodeId = (await resolveNodes([node], opcua, services)).get(node)!;
      if (typeof nodeId !== 'number') return nodeId;
      throw new RejectedError(`the server has no ${node}: ${nameOf(nodeId)}`, { reason: 'no-such-node' });
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Reads what is known of variables: their type, what they mean, what they hold. */
function createDescriber(services: Services, above: readonly BrowseStep[], withValues: boolean) {
  const learnTypes = createTypeBook(services);
  const { DataType, ValueRank, ArrayDimensions, Description, Value } = AttributeIds;
  const attributes = [DataType, ValueRank, ArrayDimensions, Description, ...(withValues ? [Value] : [])];
  return async (found: readonly FoundVariable[]): Promise<BrowsedVariable[]> => {
    const wanted = found.flatMap(({ nodeId }) => attributes.map((attributeId) => ({ nodeId, attributeId })));
    const outcomes = await services.read(wanted);
    const known = found.map((variable, i) => {
      const [dataType, valueRank, dimensions, description, value] = outcomes.slice(i * attributes.length);
      return {
        variable,
        dataType: goodValue<NodeId>(dataType),
        isArray: (goodValue<number>(valueRank) ?? -1) >= 0,
        dimensions: Array.from(goodValue<ArrayLike<number>>(dimensions) ?? []),
        description: goodValue<{ text?: string | null }>(description)?.text ?? '',
        value: withValues ? value : undefined,
      };
    });
    const types = await learnTypes(known.flatMap(({ dataType }) => dataType ?? []));
    const nodes = found.map(({ nodeId }) => nodeId);
    const units = await readProperties(nodes, 'EngineeringUnits', services);
    const ranges = await readProperties(nodes, 'EURange', services);
    return known.map(({ variable, dataType, isArray, dimensions, description, value }, i) => {
      const type = types.get(String(dataType));
      const elements = dimensions.reduce((product, size) => product * size, dimensions.length > 0 ? 1 : 0);
      return {
        node: variable.node,
        path: pathText([...above, ...variable.steps]),
        name: variable.displayName,
        dataType: type?.name ?? '',
        type: type?.type,
        arrayLength: isArray ? elements || (goodValue<ArrayLike<unknown>>(value)?.length ?? 0) : undefined,
        description,
        unit: units[i]?.value?.value?.displayName?.text ?? undefined,
        range: rangeOf(ranges[i]),
        value: value && variantText(value.result?.value, maxValueLength),
        status: value && (value.status ?? value.result.statusCode.value),
      };
    });
  };
}

/** undefined where the server does not say. */
const goodValue = <T>(outcome: Outcome<DataValue> | undefined): T | undefined =>
  outcome?.result?.statusCode.isGood() ? (outcome.result.value?.value ?? undefined) : undefined;

function rangeOf(dataValue: DataValue | undefined): readonly [number, number] | undefined {
  const { low, high } = (dataValue?.value?.value ?? {}) as { low?: number; high?: number };
  return low !== undefined && high !== undefined && low < high ? [low, high] : undefined;
}

/** Another session could be had, but this one is for a moment only. */
const asConnectionError = (error: unknown): unknown =>
  error instanceof SessionLost ? new ConnectionError(error.message, { cause: error }) : error;
