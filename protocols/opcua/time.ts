/**
 * Which of the times of an OPC UA value a sample bears, and how the sample says so. Pure.
 *
 * The clock check: a time is believed only within the skew of what the gateway knows. Ahead of the gateway's clock it
 * cannot be true. Behind, a value may be old for good reasons, so it is measured against `notBefore`: what has been
 * handed over already was known up to then, and a change that comes later cannot have been before it.
 */
import { flag, type TimeUs } from '../sample.ts';
import type { OpcuaConfig } from './config.ts';

/** The timestamps of a DataValue (OPC 10000-4 7.11), as node-opcua gives them. */
export interface Timestamps {
  readonly sourceTimestamp?: Date | null;
  /** What is finer than the milliseconds of `sourceTimestamp`. */
  readonly sourcePicoseconds?: number | undefined;
  readonly serverTimestamp?: Date | null;
  readonly serverPicoseconds?: number | undefined;
}

export interface Circumstances {
  readonly origin: OpcuaConfig['time'];
  /** Time of the gateway. */
  readonly receivedAt: TimeUs;
  readonly maxSkewUs: number;
  /**
   * The session's start, where this is the first value that it gives of a tag: what is older was not measured then but
   * is read anew now. With its old time it would come again, as another sample, after every loss of the connection.
   */
  readonly firstSince?: TimeUs | undefined;
  /** Of a later value: up to here, all changes have been handed over. */
  readonly notBefore?: TimeUs | undefined;
}

export interface Stamp {
  readonly time: TimeUs;
  readonly flags: number;
}

/** The wanted time; where the source gives none the server's, and else the gateway's. */
export function timeOf(stamps: Timestamps, given: Circumstances): Stamp {
  const { origin, receivedAt, maxSkewUs, firstSince, notBefore } = given;
  const gateway = { time: receivedAt, flags: flag.timeFromGateway };
  if (origin === 'gateway') return gateway;
  const source = origin === 'source' ? toTimeUs(stamps.sourceTimestamp, stamps.sourcePicoseconds) : undefined;
  const time = source ?? toTimeUs(stamps.serverTimestamp, stamps.serverPicoseconds);
  if (time === undefined) return gateway;
  // It held when the session began; what changed since then, and may come in the same message, is later.
  if (firstSince !== undefined && time < firstSince) return { time: firstSince, flags: flag.timeFromGateway };
  const isAhead = time - receivedAt > maxSkewUs;
  if (isAhead || (notBefore !== undefined && time < notBefore - maxSkewUs)) {
    return { time: receivedAt, flags: flag.timeFromGateway | flag.clockSuspect };
  }
  return { time, flags: source === undefined ? flag.timeFromServer : 0 };
}

/** undefined for a time that is absent or before 1970, which is how OPC UA writes "none". */
export function toTimeUs(date: Date | null | undefined, picoseconds = 0): TimeUs | undefined {
  const ms = date?.getTime() ?? 0;
  return ms > 0 ? ms * 1000 + Math.floor(picoseconds / 1e6) : undefined;
}
