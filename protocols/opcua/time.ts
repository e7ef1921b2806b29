/** Which of the times of an OPC UA value a sample bears, and how the sample says so. Pure. */
import { flag, type TimeUs } from '../sample.ts';

/** The timestamps of a DataValue (OPC 10000-4 7.11), as node-opcua gives them. */
export interface Timestamps {
  readonly sourceTimestamp?: Date | null;
  /** What is finer than the milliseconds of `sourceTimestamp`. */
  readonly sourcePicoseconds?: number | undefined;
  readonly serverTimestamp?: Date | null;
  readonly serverPicoseconds?: number | undefined;
}

/** A source that is further ahead of the gateway has a wrong clock. */
const maxAheadUs = 5_000_000;

/**
 * The source's time, else the server's, else the gateway's; the gateway's also where the time given cannot be true.
 * @param receivedAt time of the gateway
 * @param notBefore for the first value of a session, the session's start: what is older was not measured then but is
 *   read anew now. With its old time it would come again, as another sample, after every loss of the connection.
 */
export function timeOf(stamps: Timestamps, receivedAt: TimeUs, notBefore = 0): { time: TimeUs; flags: number } {
  const source = toTimeUs(stamps.sourceTimestamp, stamps.sourcePicoseconds);
  const time = source ?? toTimeUs(stamps.serverTimestamp, stamps.serverPicoseconds);
  if (time === undefined || time < notBefore) return { time: receivedAt, flags: flag.timeFromGateway };
  if (time - receivedAt > maxAheadUs) return { time: receivedAt, flags: flag.timeFromGateway | flag.clockSuspect };
  return { time, flags: source === undefined ? flag.timeFromServer : 0 };
}

/** undefined for a time that is absent or before 1970, which is how OPC UA writes "none". */
function toTimeUs(date: Date | null | undefined, picoseconds = 0): TimeUs | undefined {
  const ms = date?.getTime() ?? 0;
  return ms > 0 ? ms * 1000 + Math.floor(picoseconds / 1e6) : undefined;
}
