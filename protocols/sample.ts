/**
 * One measured value, as it leaves a driver and as it is counted, stored and explained everywhere else.
 * A value is bound to its tag by id, never by position; value, quality and time never mix.
 */

/** Microseconds since 1970-01-01T00:00:00Z. Exact as a double until the year 2255. */
export type TimeUs = number;

/** 64-bit integers beyond 2^53 are bigint, all other numbers are number: see `normaliseInteger`. */
export type SampleValue = number | bigint | boolean | string | null;

/** The declared type of a tag. A value of another type is dead-lettered, never converted. */
export type TagType = 'float' | 'int' | 'bool' | 'string';

export interface Sample {
  /** u32, given by the agent, never reused. */
  readonly tag: number;
  /** When the value was true at its source. Frozen when the sample is accepted. */
  readonly time: TimeUs;
  /** null exactly when the quality is Bad. */
  readonly value: SampleValue;
  /** 32-bit OPC UA StatusCode (OPC 10000-4 7.39). 0 is Good. */
  readonly quality: number;
  /** Bits of `flag`. */
  readonly flags: number;
}

/** Samples by column: the shape that frames and stores work on, without an object per sample. */
export interface SampleColumns {
  readonly tags: readonly number[];
  readonly times: readonly TimeUs[];
  readonly values: readonly SampleValue[];
  readonly qualities: readonly number[];
  readonly flags: readonly number[];
}

export const flag = {
  /** The time is the gateway's: the source gave none, or none that can be believed. */
  timeFromGateway: 1,
  /** The time is the OPC UA server's. */
  timeFromServer: 2,
  /** The source's clock was outside the allowed skew. */
  clockSuspect: 4,
  /** Values before this one were dropped by a queue that overflowed. */
  queueOverflow: 8,
  /** Sent because the heartbeat interval passed, not because the value changed. */
  heartbeat: 16,
  /** Read from the source's own history after a gap; it came later than it was measured. */
  historical: 32,
} as const;

/** The OPC UA status codes that our own code gives (OPC 10000-4 7.39.2). */
export const quality = {
  good: 0,
  uncertain: 0x40000000,
  bad: 0x80000000,
  badInternalError: 0x80020000,
  badCommunicationError: 0x80050000,
  badTimeout: 0x800a0000,
  badWaitingForInitialData: 0x80320000,
  badNotConnected: 0x808a0000,
  badOutOfRange: 0x803c0000,
  badTypeMismatch: 0x80740000,
  badNodeIdUnknown: 0x80340000,
  badDeviceFailure: 0x808b0000,
} as const;

/** The two top bits of a status code are its severity: 00 Good, 01 Uncertain, 10 Bad. */
export const isGood = (code: number): boolean => code >>> 30 === 0;
export const isBad = (code: number): boolean => code >>> 31 === 1;

/** An integer as number where that is exact, as bigint where it is not. */
export const normaliseInteger = (value: bigint): number | bigint =>
  value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;

/** The shortest decimal that is the same float32: 0.1f is 0.1, not 0.10000000149011612. */
export function shortestFloat32(value: number): number {
  if (!Number.isFinite(value) || Number.isInteger(value)) return value;
  const size = Math.abs(value);
  // Few decimals are the ordinary case, and are found without making text.
  for (let scale = 10; size > 1e-3 && size < 1e6 && scale <= 1e5; scale *= 10) {
    const short = Math.round(size * scale) / scale;
    if (Math.fround(short) === size) return value < 0 ? -short : short;
  }
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

/** Whether a value may stand for a tag of this type. null (Bad) fits every type. */
export function fitsType(value: SampleValue, type: TagType): boolean {
  if (value === null) return true;
  switch (type) {
    case 'float':
      return typeof value === 'number' && Number.isFinite(value);
    case 'int':
      return Number.isSafeInteger(value) || typeof value === 'bigint';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
      return typeof value === 'string';
  }
}
