/**
 * The monitored items of a subscription (OPC 10000-4 5.13). What the server will not monitor is told item by item, and the
 * rest goes on; what it refuses for its filter or its index is asked for without, and left to us.
 */
import { MonitoringMode } from 'node-opcua-client';
import { isBad } from '../sample.ts';
import type { OpcuaTag } from './config.ts';
import { filterOf, sievesOf } from './filter.ts';
import { type Item, pickHere, readValueOf } from './item.ts';
import type { Workbench } from './part.ts';
import { isFilterRefusal, status } from './status.ts';

export interface MonitoredItems {
  /** Of another subscription, which has none yet. */
  begin(subscriptionId: number): void;
  add(items: readonly Item[]): Promise<void>;
  remove(items: readonly Item[]): Promise<void>;
  itemOf(clientHandle: number): Item | undefined;
}

export interface MonitoredItemsListener {
  onMonitored(item: Item): void;
  /** @param code the server's status, or that its node is not known. */
  onRefused(item: Item, code: number): void;
}

/** A queue on the server holds the changes of so many publishing intervals. */
const queuedIntervals = 10;
const maxQueueSize = 1000;

export function createMonitoredItems(
  { group, services, clock }: Pick<Workbench, 'group' | 'services' | 'clock'>,
  { onMonitored, onRefused }: MonitoredItemsListener,
): MonitoredItems {
  /** By client handle, which is never used twice. */
  let monitored = new Map<number, { readonly item: Item; readonly monitoredItemId: number }>();
  let handles = 0;
  let subscriptionId = 0;

  const parametersOf = (tag: OpcuaTag) => {
    const samplingIntervalMs = tag.samplingIntervalMs ?? group.samplingIntervalMs;
    const perInterval = group.publishingIntervalMs / samplingIntervalMs;
    return {
      samplingInterval: clock.wallMs(samplingIntervalMs),
      queueSize: Math.min(maxQueueSize, Math.max(queuedIntervals, Math.ceil(perInterval * queuedIntervals))),
      discardOldest: true,
    };
  };

  const add = async (some: readonly Item[]): Promise<void> => {
    const there = some.filter((item) => {
      if (typeof item.node !== 'number') return true;
      onRefused(item, item.node);
      return false;
    });
    const handleOf = new Map<Item, number>();
    const requests = there.map((item) => {
      item.filtersAtServer &&= services.allowance.filters;
      if (!item.filtersAtServer) item.sieves ??= sievesOf(item, group);
      const clientHandle = ++handles;
      handleOf.set(item, clientHandle);
      // Values may come before the answer that says so.
      monitored.set(clientHandle, { item, monitoredItemId: 0 });
      const filter = item.filtersAtServer ? filterOf(item, group) : null;
      return {
        itemToMonitor: readValueOf(item)!,
        monitoringMode: MonitoringMode.Reporting,
        requestedParameters: { clientHandle, filter, ...parametersOf(item.tag) },
      };
    });
    const outcomes = await services.createItems(subscriptionId, requests);
    const again: Item[] = [];
    for (const [i, item] of there.entries()) {
      const { result, status: fault } = outcomes[i]!;
      const code = fault ?? result!.statusCode.value;
      if (!isBad(code)) {
        monitored.set(handleOf.get(item)!, { item, monitoredItemId: result!.monitoredItemId });
        onMonitored(item);
        continue;
      }
      monitored.delete(handleOf.get(item)!);
      if (isFilterRefusal(code) && item.filtersAtServer) {
        item.filtersAtServer = false;
        again.push(item);
      } else if (code === status.badIndexRangeInvalid && item.wanted.picked) {
        pickHere(item);
        again.push(item);
      } else onRefused(item, code);
    }
    if (again.length > 0) await add(again);
  };

  return {
    begin(id) {
      subscriptionId = id;
      monitored = new Map();
    },
    add,
    async remove(some) {
      const gone = new Set(some);
      const found = [...monitored].filter(([, { item }]) => gone.has(item));
      for (const [handle] of found) monitored.delete(handle);
      const ids = found.map(([, { monitoredItemId }]) => monitoredItemId).filter((id) => id > 0);
      await services.deleteItems(subscriptionId, ids);
    },
    itemOf: (clientHandle) => monitored.get(clientHandle)?.item,
  };
}
