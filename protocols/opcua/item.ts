/** A node that is read or monitored in a session, for one tag, or for a tag per element of its array. */
import { AttributeIds, type DataValue, type NodeId, type ReadValueIdOptions } from 'node-opcua-client';
import { flag, isBad, quality, type Sample, type SampleValue, type TimeUs } from '../sample.ts';
import type { OpcuaConfig, OpcuaGroup, OpcuaTag } from './config.ts';
import type { Sieve } from './sieve.ts';
import { type Stamp, timeOf } from './time.ts';
import { elementsOf, measuredOf, statusMask, type Wanted } from './value.ts';

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
  /** Of the sample before, in whatever session: what comes later is not earlier. */
  lastTime: TimeUs;
  lastFlags: number;
  /** Its quality; undefined where there was none in this session. */
  lastCode: number | undefined;
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
  lastTime: TimeUs = 0,
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
      picked: tag.index !== undefined,
      field: tag.field?.split('.'),
    },
    node: Number.NaN,
    historyUs: group.history ? group.historyDays * dayUs : 0,
    filtersAtServer: group.mode === 'subscribe',
    isFirst: true,
    lastTime,
    lastFlags: 0,
    lastCode: undefined,
  };
}

/** The server does not pick elements: it sends the array from now on, and we pick. */
export function pickHere(item: Item): void {
  item.wanted = { ...item.wanted, picked: false };
}

/** Another node is meant from now on, or the same one is looked at anew: what was known of it says nothing any more. */
export function beginAnew(item: Item): void {
  item.isFirst = true;
  item.last = undefined;
  item.sieves = undefined;
}

/** undefined while the node is not known. */
export function readValueOf({ node, tag, wanted }: Item): ReadValueIdOptions | undefined {
  if (typeof node === 'number') return undefined;
  return {
    nodeId: node,
    attributeId: AttributeIds.Value,
    // The library makes a NumericRange of the text, though its type does not say so.
    ...(wanted.picked && { indexRange: tag.index as never }),
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
    const { value, quality: code, overflow } = measuredOf(dataValue, wanted);
    const { time, flags } = stampOf(item, dataValue, occasion, code, occasion.notBefore === undefined ? [value] : none);
    if (!sieves || sieves[0]!.passes(value, code)) {
      samples.push({ tag: ids[0]!, time, value, quality: code, flags: overflow ? flags | flag.queueOverflow : flags });
    }
    return overflow;
  }
  const measured = elementsOf(dataValue, ids.length, wanted);
  const { overflow } = measured[0]!;
  const values = measured.map(({ value }) => value);
  const stamp = stampOf(item, dataValue, occasion, (dataValue.statusCode.value & statusMask) >>> 0, values);
  const flags = overflow ? stamp.flags | flag.queueOverflow : stamp.flags;
  for (const [i, { value, quality: code }] of measured.entries()) {
    if (!sieves || sieves[i]!.passes(value, code))
      samples.push({ tag: ids[i]!, time: stamp.time, value, quality: code, flags });
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
  const { origin, maxSkewUs, last, isFirst, lastCode } = item;
  const { receivedAt } = occasion;
  const raw =
    origin === 'source' ? (dataValue.sourceTimestamp ?? dataValue.serverTimestamp) : dataValue.serverTimestamp;
  const rawMs = raw?.getTime() ?? 0;
  item.isFirst = false;
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
  if (
    stamp.flags & flag.clockSuspect &&
    rawMs * 1000 <= receivedAt &&
    ((lastCode !== undefined && isBad(lastCode)) || code >>> 30 !== 0)
  ) {
    stamp = { time: stamp.time, flags: flag.timeFromGateway };
  }
  stamp = inOrder(stamp, item, code, receivedAt);
  item.lastTime = stamp.time;
  item.lastFlags = stamp.flags;
  item.lastCode = code;
  if (isPolled && !isBad(code)) item.last = { rawMs, readAt: receivedAt, stamp, values };
  return stamp;
}

/** A new state was not there before it was told; and nothing may be hidden behind what came before it. */
function inOrder(stamp: Stamp, { lastTime, lastFlags, lastCode }: Item, code: number, receivedAt: TimeUs): Stamp {
  const isNewState = lastCode !== undefined && lastCode !== code;
  if (stamp.time > lastTime || (stamp.time === lastTime && !isNewState)) return stamp;
  if (isNewState) return { time: Math.max(receivedAt, lastTime), flags: flag.timeFromGateway };
  // Most sources do not count finer than milliseconds.
  if (lastTime - stamp.time < 1000) return { time: lastTime, flags: stamp.flags };
  const contradicts = !((stamp.flags | lastFlags) & flag.timeFromGateway);
  return { time: lastTime, flags: contradicts ? flag.timeFromGateway | flag.clockSuspect : flag.timeFromGateway };
}

/** A Bad sample of each tag, of our own making. */
export function badSamples(item: Item, status: number, now: TimeUs): Sample[] {
  const time = Math.max(now, item.lastTime);
  const code = isBad(status) ? status : quality.bad;
  item.lastTime = time;
  item.lastFlags = flag.timeFromGateway;
  item.lastCode = code;
  return item.ids.map((tag) => ({ tag, time, value: null, quality: code, flags: flag.timeFromGateway }));
}
