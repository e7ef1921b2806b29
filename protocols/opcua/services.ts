/**
 * The services of a session as this driver calls them: one request at a time, each with its deadline, in batches that
 * the server bears. A batch that was too much is halved; a node for which no batch is small enough bears the server's
 * status alone, and holds up nobody.
 */
import {
  AttributeIds,
  type BrowseDescriptionOptions,
  BrowseNextRequest,
  type BrowsePathResult,
  BrowseRequest,
  type BrowseResult,
  type CreateSubscriptionRequestOptions,
  type CreateSubscriptionResponse,
  coerceNodeId,
  type DataValue,
  DeleteSubscriptionsRequest,
  HistoryReadRequest,
  type HistoryReadResult,
  type MonitoredItemCreateRequestOptions,
  type MonitoredItemCreateResult,
  type NotificationMessage,
  promoteOpaqueStructure,
  ReadRawModifiedDetails,
  ReadRequest,
  type ReadValueIdOptions,
  RepublishRequest,
  TimestampsToReturn,
  TranslateBrowsePathsToNodeIdsRequest,
  VariableIds,
} from 'node-opcua-client';
import { ConnectionError } from '../errors.ts';
import type { TimeUs } from '../sample.ts';
import type { OpcuaConfig } from './config.ts';
import { within } from './deadline.ts';
import { type Allowance, allowanceOf, type OperationLimits } from './limits.ts';
import type { OpcuaSession } from './session.ts';
import {
  endsSession,
  endsSubscription,
  faultOf,
  isForAll,
  isTooMany,
  isTooMuch,
  nameOf,
  SessionLost,
  SubscriptionLost,
} from './status.ts';
import { toTimeUs } from './time.ts';

/** What came of one node of a batch: the server's answer, or the status of the fault that it was answered with. */
export type Outcome<T> =
  | { readonly result: T; readonly status?: undefined }
  | { readonly status: number; readonly result?: undefined };

export interface Services {
  readonly allowance: Allowance;
  read(nodes: readonly ReadValueIdOptions[]): Promise<Outcome<DataValue>[]>;
  /** The server's clock, undefined where it does not tell, and when by ours the question was sent. */
  readClock(now: () => TimeUs): Promise<{ askedAt: TimeUs; serverTime?: TimeUs | undefined }>;
  /** All references of each node, continuation points followed. */
  browse(nodes: readonly BrowseDescriptionOptions[]): Promise<Outcome<BrowseResult>[]>;
  translate(paths: readonly BrowsePathOptions[]): Promise<Outcome<BrowsePathResult>[]>;
  createSubscription(options: CreateSubscriptionRequestOptions): Promise<CreateSubscriptionResponse>;
  deleteSubscription(subscriptionId: number): Promise<void>;
  createItems(
    subscriptionId: number,
    items: readonly MonitoredItemCreateRequestOptions[],
  ): Promise<Outcome<MonitoredItemCreateResult>[]>;
  deleteItems(subscriptionId: number, monitoredItemIds: readonly number[]): Promise<void>;
  republish(subscriptionId: number, sequenceNumber: number): Promise<Outcome<NotificationMessage>>;
  /** Decodes structures in place, with the types that the server describes; what cannot be decoded stays as it came. */
  decode(dataValues: readonly DataValue[]): Promise<void>;
  /** One page of each node, of one request; continue with the continuation points of the results. */
  historyPage(
    nodes: readonly HistoryNode[],
    range: { start: Date; end: Date; perNode: number },
  ): Promise<Outcome<HistoryReadResult>[]>;
}

export type HistoryNode = NonNullable<ConstructorParameters<typeof HistoryReadRequest>[0]>['nodesToRead'] extends
  | readonly (infer Node)[]
  | null
  | undefined
  ? Node
  : never;
export type BrowsePathOptions = NonNullable<
  NonNullable<NonNullable<ConstructorParameters<typeof TranslateBrowsePathsToNodeIdsRequest>[0]>['browsePaths']>
>[number];

/** More pages than that are a server that goes round in circles. */
const maxBrowsePages = 10_000;

const currentTime = {
  nodeId: coerceNodeId(VariableIds.Server_ServerStatus_CurrentTime),
  attributeId: AttributeIds.Value,
};

/** The library asks for the types by itself, one after the other. */
const typesMs = 30_000;

interface AnyResponse<T> {
  readonly results?: T[] | null;
}
interface Transactions {
  performMessageTransaction(request: object, callback: (error: Error | null, response?: object) => void): void;
}

/** @param closed ends every call. */
export function createServices(
  opcua: OpcuaSession,
  config: Pick<OpcuaConfig, 'endpoint' | 'timeoutMs' | 'limits' | 'profile'>,
  closed: AbortSignal,
): Services {
  const { session } = opcua;
  const allowance = allowanceOf(opcua.limits, opcua.product, config);
  const transactions = session as unknown as Transactions;
  /** What has turned out to be borne; only ever less. */
  const borne: Record<keyof OperationLimits, number> = { ...allowance };

  /** The last call that was begun: S7 controllers count what is outstanding, not what is in a call. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(() => {
      closed.throwIfAborted();
      return work();
    });
    last = turn.catch(() => {});
    return turn;
  };

  /** @throws {SessionLost | SubscriptionLost | ConnectionError} */
  const call = <T>(doing: string, work: () => Promise<T>): Promise<Outcome<T>> =>
    inTurn(async () => {
      try {
        return { result: await within(work(), config.timeoutMs, closed, `${config.endpoint}: ${doing}`) };
      } catch (error) {
        const fault = error instanceof ConnectionError ? faultOf(error.cause) : undefined;
        if (fault === undefined) throw error;
        const message = `${doing}: ${nameOf(fault)}`;
        if (endsSession(fault)) throw new SessionLost(message, { cause: error });
        if (endsSubscription(fault)) throw new SubscriptionLost(message, { cause: error });
        return { status: fault };
      }
    });

  /** In batches; what was too much in halves, down to one. A batch that was too much for one of its nodes was not too many. */
  const inBatches = async <T, R>(
    doing: string,
    all: readonly T[],
    limit: keyof OperationLimits,
    work: (batch: readonly T[]) => Promise<AnyResponse<R>>,
  ): Promise<Outcome<R>[]> => {
    const outcomes: Outcome<R>[] = [];
    let size = borne[limit];
    let tooMuch = Number.POSITIVE_INFINITY;
    for (let first = 0; first < all.length; ) {
      const batch = all.slice(first, first + size);
      const { result, status } = await call(doing, () => work(batch));
      if (status !== undefined && batch.length > 1 && !isForAll(status)) {
        // Too much for one answer, or one of them that the server cannot bear: the halves will tell.
        size = Math.ceil(batch.length / 2);
        if (isTooMany(status)) borne[limit] = size;
        else if (isTooMuch(status)) tooMuch = size;
        continue;
      }
      const results = result?.results;
      // By position, as the standard has it; an answer of another length belongs to nobody.
      if (result && results?.length !== batch.length)
        throw new SessionLost(`${doing}: ${results?.length} results for ${batch.length}`);
      for (let i = 0; i < batch.length; i++) {
        outcomes.push(status === undefined ? { result: results![i]! } : { status });
      }
      if (isTooMuch(status)) tooMuch = Number.POSITIVE_INFINITY;
      first += batch.length;
      // One that was singled out does not slow down those after it.
      size = Math.min(borne[limit], size * 2);
    }
    borne[limit] = Math.min(borne[limit], tooMuch);
    return outcomes;
  };
  /** As the standard has it: the library's own `read` would explore the server's types for every structure it meets. */
  const send = <R>(request: object): Promise<AnyResponse<R>> =>
    new Promise((resolve, reject) => {
      transactions.performMessageTransaction(request, (error, response) =>
        error ? reject(error) : resolve(response as AnyResponse<R>),
      );
    });

  const followReferences = async (outcomes: readonly Outcome<BrowseResult>[]): Promise<void> => {
    let open = outcomes.flatMap(({ result }) => (result?.continuationPoint?.length ? [result] : []));
    for (let page = 0; open.length > 0; page++) {
      if (page > maxBrowsePages) throw new SessionLost('browsing: the server never comes to an end');
      const next = await inBatches<BrowseResult, BrowseResult>('browsing on', open, 'nodesPerBrowse', (batch) =>
        send(new BrowseNextRequest({ continuationPoints: batch.map(({ continuationPoint }) => continuationPoint) })),
      );
      open = open.filter((so, i) => {
        const more = next[i]!.result;
        if (more?.references) so.references = [...(so.references ?? []), ...more.references];
        // What cannot be had to its end is not had: a list with holes would retire what is there.
        if (!more || more.statusCode.isNotGood()) so.statusCode = more?.statusCode ?? so.statusCode;
        so.continuationPoint = more?.continuationPoint as Buffer;
        return Boolean(so.continuationPoint?.length);
      });
    }
  };

  return {
    allowance,
    read: (nodes) =>
      inBatches('reading', nodes, 'nodesPerRead', (batch) =>
        send(new ReadRequest({ nodesToRead: [...batch], timestampsToReturn: TimestampsToReturn.Both, maxAge: 0 })),
      ),
    async browse(nodes) {
      const outcomes = await inBatches<BrowseDescriptionOptions, BrowseResult>(
        'browsing',
        nodes,
        'nodesPerBrowse',
        (batch) => send(new BrowseRequest({ nodesToBrowse: [...batch], requestedMaxReferencesPerNode: 0 })),
      );
      await followReferences(outcomes);
      return outcomes;
    },
    async readClock(now) {
      let askedAt = 0;
      const { result } = await call('reading its clock', () => {
        askedAt = now();
        return send<DataValue>(
          new ReadRequest({ nodesToRead: [currentTime], timestampsToReturn: TimestampsToReturn.Neither }),
        );
      });
      const time: unknown = result?.results?.[0]?.value?.value;
      return { askedAt, serverTime: time instanceof Date ? toTimeUs(time) : undefined };
    },
    translate: (paths) =>
      inBatches('resolving paths', paths, 'nodesPerTranslate', (batch) =>
        send(new TranslateBrowsePathsToNodeIdsRequest({ browsePaths: [...batch] })),
      ),
    async createSubscription(options) {
      const { result, status } = await call('creating a subscription', () => session.createSubscription(options));
      if (!result) throw new SessionLost(`creating a subscription: ${nameOf(status!)}`);
      return result;
    },
    async deleteSubscription(subscriptionId) {
      await call('deleting a subscription', () =>
        send(new DeleteSubscriptionsRequest({ subscriptionIds: [subscriptionId] })),
      ).catch((error) => {
        if (!(error instanceof SubscriptionLost)) throw error;
      });
    },
    createItems: (subscriptionId, items) =>
      inBatches('creating monitored items', items, 'monitoredItemsPerCall', (batch) =>
        session.createMonitoredItems({
          subscriptionId,
          timestampsToReturn: TimestampsToReturn.Both,
          itemsToCreate: [...batch],
        }),
      ),
    async deleteItems(subscriptionId, monitoredItemIds) {
      await inBatches('deleting monitored items', monitoredItemIds, 'monitoredItemsPerCall', (batch) =>
        session.deleteMonitoredItems({ subscriptionId, monitoredItemIds: [...batch] }),
      );
    },
    async republish(subscriptionId, sequenceNumber) {
      const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber: sequenceNumber });
      const { result, status } = await call('asking for a missing message', () => send(request));
      if (status !== undefined) return { status };
      return { result: (result as unknown as { notificationMessage: NotificationMessage }).notificationMessage };
    },
    async decode(dataValues) {
      const promote = (some: readonly DataValue[]) => promoteOpaqueStructure(session, [...some]);
      // One whose type the server describes wrongly stays as it came, and no other with it.
      const work = promote(dataValues).catch(async () => {
        for (const one of dataValues) await promote([one]).catch(() => {});
      });
      await within(work, typesMs, closed, `${config.endpoint}: reading its types`);
    },
    historyPage: (nodes, { start, end, perNode }) =>
      inBatches('reading history', nodes, 'nodesPerHistoryRead', (batch) =>
        send(
          new HistoryReadRequest({
            historyReadDetails: new ReadRawModifiedDetails({
              isReadModified: false,
              startTime: start,
              endTime: end,
              numValuesPerNode: perNode,
              returnBounds: false,
            }),
            nodesToRead: [...batch],
            timestampsToReturn: TimestampsToReturn.Both,
            releaseContinuationPoints: false,
          }),
        ),
      ),
  };
}
