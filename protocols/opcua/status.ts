/** The OPC UA status codes that the driver acts upon (OPC 10000-4 7.39.2), and what a failed service call says. */
import { StatusCodes } from 'node-opcua-client';

export const status = {
  badWaitingForInitialData: 0x80320000,
  badNodeIdInvalid: 0x80330000,
  badNodeIdUnknown: 0x80340000,
  badIndexRangeInvalid: 0x80360000,
  badIndexRangeNoData: 0x80370000,
  badNoMatch: 0x806f0000,
  badDecodingError: 0x80070000,
  badTooManyMatches: 0x806d0000,
} as const;

/** BadTooManyOperations: so many nodes of a request are too many, whatever they are. */
export const isTooMany = (status: number | undefined): boolean => status === 0x80100000;

/** What the nodes of a request come to was too much: fewer may do, or all but one of them. */
const tooMuch: ReadonlySet<number> = new Set([
  0x80080000, // BadEncodingLimitsExceeded
  0x80b80000, // BadRequestTooLarge
  0x80b90000, // BadResponseTooLarge
  0x80800000, // BadTcpMessageTooLarge
]);
export const isTooMuch = (status: number | undefined): status is number => status !== undefined && tooMuch.has(status);

/** The service is not there, or not for us: asking for less does not help. */
const refusals: ReadonlySet<number> = new Set([
  0x800b0000, // BadServiceUnsupported
  0x801f0000, // BadUserAccessDenied
  0x80720000, // BadHistoryOperationUnsupported
]);
export const isForAll = (status: number): boolean => refusals.has(status);

/** A server that does not filter an item, or not so. */
const filterRefusals: ReadonlySet<number> = new Set([
  0x80430000, // BadMonitoredItemFilterInvalid
  0x80440000, // BadMonitoredItemFilterUnsupported
  0x80450000, // BadFilterNotAllowed
  0x808e0000, // BadDeadbandFilterInvalid
]);
export const isFilterRefusal = (status: number): boolean => filterRefusals.has(status);

const sessionEnds: ReadonlySet<number> = new Set([
  0x80250000, // BadSessionIdInvalid
  0x80260000, // BadSessionClosed
  0x80270000, // BadSessionNotActivated
]);
export const endsSession = (status: number | undefined): boolean => status !== undefined && sessionEnds.has(status);

const subscriptionEnds: ReadonlySet<number> = new Set([
  0x80280000, // BadSubscriptionIdInvalid
  0x80790000, // BadNoSubscription
]);
export const endsSubscription = (status: number | undefined): boolean =>
  status !== undefined && subscriptionEnds.has(status);

export const isTooManyPublishRequests = (status: number | undefined): boolean => status === 0x80780000;

/** The status of a fault with which the server answered; undefined when it did not answer. */
export function faultOf(error: unknown): number | undefined {
  const name = /\bBad[A-Z]\w+/.exec(error instanceof Error ? error.message : '')?.[0];
  return name && !connectionFaults.has(name)
    ? (StatusCodes as unknown as Record<string, { value: number }>)[name]?.value
    : undefined;
}

/** The library's own words for a connection that is gone. */
const connectionFaults: ReadonlySet<string> = new Set(['BadConnectionClosed', 'BadConnectionRejected']);

/** A name for people: `BadNodeIdUnknown`. */
export function nameOf(status: number): string {
  for (const [name, { value }] of Object.entries(StatusCodes as unknown as Record<string, { value: number }>)) {
    if (value === status) return name;
  }
  return `0x${status.toString(16)}`;
}

/** The server has lost a subscription, or we have lost sight of it. Another can be had on the same session. */
export class SubscriptionLost extends Error {
  override readonly name = 'SubscriptionLost';
  /** Messages that the server sent and does not have any more. */
  readonly missing: number;
  constructor(message: string, options: { cause?: unknown; missing?: number }) {
    super(message, options);
    this.missing = options.missing ?? 0;
  }
}

/** The session is of no use any more. Another can be had on the same connection. */
export class SessionLost extends Error {
  override readonly name = 'SessionLost';
}
