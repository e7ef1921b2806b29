/**
 * One subscription with a monitored item for every tag (OPC 10000-4 5.13, 5.14). What the server will not monitor is
 * told tag by tag, and the rest goes on.
 */
import {
  AttributeIds,
  DataChangeFilter,
  DataChangeTrigger,
  type MonitoredItemCreateRequestOptions,
  MonitoringMode,
  TimestampsToReturn,
} from 'node-opcua-client';
import type { Clock } from '../clock.ts';
import { isBad, quality } from '../sample.ts';
import type { OpcuaConfig, OpcuaTag } from './config.ts';
import { within } from './deadline.ts';
import type { OpcuaSession } from './session.ts';

export interface Subscription {
  readonly subscriptionId: number;
  /** As the server revised it; wall time. */
  readonly publishingIntervalMs: number;
  /** The server says something at least this often; wall time. */
  readonly keepAliveMs: number;
  /** Quality by index of the tags that are not monitored. */
  readonly refused: ReadonlyMap<number, number>;
}

const keepAliveMs = 2000;
/** The server drops a subscription for which no request came for so long; wall time. */
const lifetimeMs = 60_000;
/** Where the server sets no limit. */
const defaultBatch = 1000;
/** A queue on the server holds the changes of so many publishing intervals. */
const queuedIntervals = 10;
const maxNotificationsPerPublish = 4096;

/** The client handle of an item is the index of its tag. @throws {ConnectionError} */
export async function subscribe(opcua: OpcuaSession, config: OpcuaConfig, clock: Clock): Promise<Subscription> {
  const { session, closed } = opcua;
  const ask = <T>(work: Promise<T>, doing: string) =>
    within(work, config.timeoutMs, closed, `${config.endpoint}: ${doing}`);

  const keepAliveCount = Math.max(1, Math.ceil(keepAliveMs / config.publishingIntervalMs));
  const publishingMs = clock.wallMs(config.publishingIntervalMs);
  const created = await ask(
    session.createSubscription({
      requestedPublishingInterval: publishingMs,
      requestedMaxKeepAliveCount: keepAliveCount,
      // At least three times the keep-alive count (OPC 10000-4 5.14.2).
      requestedLifetimeCount: Math.max(3 * keepAliveCount, Math.ceil(lifetimeMs / publishingMs)),
      maxNotificationsPerPublish,
      publishingEnabled: true,
      priority: 0,
    }),
    'creating a subscription',
  );
  const { subscriptionId } = created;

  const refused = new Map<number, number>();
  const wanted: MonitoredItemCreateRequestOptions[] = [];
  for (const [index, tag] of config.tags.entries()) {
    const nodeId = opcua.nodeIdOf(tag.node);
    if (!nodeId) {
      refused.set(index, quality.badNodeIdUnknown);
      continue;
    }
    wanted.push({
      itemToMonitor: { nodeId, attributeId: AttributeIds.Value },
      monitoringMode: MonitoringMode.Reporting,
      requestedParameters: { clientHandle: index, ...parametersOf(tag, config, clock) },
    });
  }

  const batch = opcua.maxMonitoredItemsPerCall || defaultBatch;
  for (let first = 0; first < wanted.length; first += batch) {
    const itemsToCreate = wanted.slice(first, first + batch);
    const request = { subscriptionId, timestampsToReturn: TimestampsToReturn.Both, itemsToCreate };
    const { results } = await ask(session.createMonitoredItems(request), 'creating monitored items');
    for (const [i, item] of itemsToCreate.entries()) {
      const status = results?.[i]?.statusCode.value ?? quality.bad;
      if (isBad(status)) refused.set(item.requestedParameters!.clientHandle!, status);
    }
  }
  return {
    subscriptionId,
    publishingIntervalMs: created.revisedPublishingInterval,
    keepAliveMs: created.revisedPublishingInterval * created.revisedMaxKeepAliveCount,
    refused,
  };
}

function parametersOf(tag: OpcuaTag, config: OpcuaConfig, clock: Clock) {
  const samplingIntervalMs = tag.samplingIntervalMs ?? config.samplingIntervalMs;
  return {
    samplingInterval: clock.wallMs(samplingIntervalMs),
    queueSize: Math.ceil((config.publishingIntervalMs / samplingIntervalMs) * queuedIntervals),
    discardOldest: true,
    // By default the server reports a change of value or status; a measurement is told from the last by its time.
    filter:
      tag.report.mode === 'always' ? new DataChangeFilter({ trigger: DataChangeTrigger.StatusValueTimestamp }) : null,
  };
}
