/** A node that is read or monitored in a session, for one tag, or for a tag per element of its array. */
import { AttributeIds, type DataValue, type NodeId, type ReadValueIdOptions } from 'node-opcua-client';
import { flag, isBad, type Sample, type SampleValue, type TimeUs } from '../sample.ts';
import type { OpcuaConfig, OpcuaGroup, OpcuaTag } from './config.ts';
import type { Sieve } from './sieve.ts';
import { type Stamp, timeOf } from './time.ts';
import { elementsOf, measuredOf, type Wanted } from './value.ts';

const dayUs = 86_400_000_000;

export interface Item {
  readonly tag: OpcuaTag;
  /** Ids of its tags: one, or one for every element. */
  readonly ids: readonly number[];
  readonly origin: OpcuaConfig['time'];
  readonly maxSkewUs: number;
  wanted: Wanted;
  /** Where it is at this server; the status of why it is not. */
  node: NodeId | number;
  /** Whether the server picks the element; where it cannot, it sends the array and we pick. */
  picksAtServer: boolean;
  /** Lowest and highest value by the node's own EURange, where a deadband needs it and the tag does not say it. */
  range?: readonly [number, number] | undefined;
  /** Whether the server is asked to report only some of the changes. */
  filtersAtServer: boolean;
  /** What the server does not filter, one for each id. */
  sieves?: readonly Sieve[] | undefined;
  /** Nothing has been measured in this session. */
  isFirst: boolean;
  /** So far back is its history read; 0 where it is not. */
  readonly historyUs: number;
  /** The value before was Bad: the next may be as old as it likes. */
  wasBad: boolean;
  /** Of an item that is polled: what was read last, and how it was stamped. */
  last?:
    | {
        readonly rawMs: number;
        readonly readAt: TimeUs;
        readonly stamp: Stamp;
        readonly values: readonly SampleValue[];
      }
    | undefined;
}

export function createItem(
  tag: OpcuaTag,
  ids: readonly number[],
  config: Pick<OpcuaConfig, 'time' | 'maxSkewMs'>,
  group: Pick<OpcuaGroup, 'mode' | 'samplingIntervalMs' | 'history' | 'historyDays'>,
): Item {
  // A server that samples rarely reports a change that may be so old. When we poll, we know how long ago we looked.
  const samplingMs = group.mode === 'subscribe' ? (tag.samplingIntervalMs ?? group.samplingIntervalMs) : 0;
  return {
    tag,
    ids,
    origin: tag.time ?? config.time,
    maxSkewUs: (config.maxSkewMs + samplingMs) * 1000,
    wanted: {
      type: tag.type,
      index: tag.index?.split(',').map(Number),
      field: tag.field?.split('.'),
    },
    node: Number.NaN,
    picksAtServer: tag.index !== undefined,
    historyUs: group.history ? group.historyDays * dayUs : 0,
    filtersAtServer: group.mode === 'subscribe',
    isFirst: true,
    wasBad: false,
  };
}

/** undefined while the node is not known. */
export function readValueOf({ node, tag, picksAtServer }: Item): ReadValueIdOptions | undefined {
  if (typeof node === 'number') return undefined;
  return {
    nodeId: node,
    attributeId: AttributeIds.Value,
    // The library makes a NumericRange of the text, though its type does not say so.
    ...(picksAtServer && { indexRange: tag.index as never }),
  };
}

/** Only of what is polled is it remembered which values it had. */
const none: readonly SampleValue[] = [];

export interface Occasion {
  readonly receivedAt: TimeUs;
  /** When this session began to look at the item. */
  readonly firstSince: TimeUs;
  /** Of a subscription: up to here all changes had been handed over. Undefined where the item is polled. */
  readonly notBefore?: TimeUs | undefined;
}

/**
 * Adds the samples of a value that came, one for each tag of the item.
 * @returns whether the server says that values before it are lost.
 */
export function measure(item: Item, dataValue: DataValue, occasion: Occasion, samples: Sample[]): boolean {
  const { ids, wanted, sieves } = item;
  if (item.tag.elements === undefined) {
    const { value, quality, overflow } = measuredOf(dataValue, wanted);
    const { time, flags } = stampOf(
      item,
      dataValue,
      occasion,
      quality,
      occasion.notBefore === undefined ? [value] : none,
    );
    if (!sieves || sieves[0]!.passes(value, quality)) {
      samples.push({ tag: ids[0]!, time, value, quality, flags: overflow ? flags | flag.queueOverflow : flags });
    }
    return overflow;
  }
  const measured = elementsOf(dataValue, ids.length, wanted);
  const { overflow } = measured[0]!;
  const values = measured.map(({ value }) => value);
  const stamp = stampOf(item, dataValue, occasion, dataValue.statusCode.value, values);
  const flags = overflow ? stamp.flags | flag.queueOverflow : stamp.flags;
  for (const [i, { value, quality }] of measured.entries()) {
    if (!sieves || sieves[i]!.passes(value, quality))
      samples.push({ tag: ids[i]!, time: stamp.time, value, quality, flags });
  }
  return overflow;
}

function stampOf(
  item: Item,
  dataValue: DataValue,
  occasion: Occasion,
  code: number,
  values: readonly SampleValue[],
): Stamp {
  const { origin, maxSkewUs, last, isFirst, wasBad } = item;
  const { receivedAt } = occasion;
  const raw =
    origin === 'source' ? (dataValue.sourceTimestamp ?? dataValue.serverTimestamp) : dataValue.serverTimestamp;
  const rawMs = raw?.getTime() ?? 0;
  item.isFirst = false;
  item.wasBad = isBad(code);
  const isPolled = occasion.notBefore === undefined;
  // It has not changed since it was read last, and is as old as it was then.
  const isUnchanged =
    last &&
    origin !== 'gateway' &&
    rawMs > 0 &&
    last.rawMs === rawMs &&
    values.every((value, i) => value === last.values[i]);
  let stamp = isUnchanged
    ? last.stamp
    : timeOf(dataValue, {
        origin,
        receivedAt,
        maxSkewUs,
        firstSince: isFirst ? occasion.firstSince : undefined,
        notBefore: isPolled ? last?.readAt : occasion.notBefore,
      });
  // What is not good was often not measured anew, nor what is good again: the old time does not speak against the clock.
  if (stamp.flags & flag.clockSuspect && rawMs * 1000 <= receivedAt && (wasBad || code >>> 30 !== 0)) {
    stamp = { time: stamp.time, flags: flag.timeFromGateway };
  }
  if (isPolled && !isBad(code)) item.last = { rawMs, readAt: receivedAt, stamp, values };
  return stamp;
}

/** A Bad sample of each tag, of our own making. */
export function badSamples({ ids }: Item, quality: number, time: TimeUs): Sample[] {
  return ids.map((tag) => ({
    tag,
    time,
    value: null,
    quality: isBad(quality) ? quality : 0x80000000,
    flags: flag.timeFromGateway,
  }));
}
