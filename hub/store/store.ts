/**
 * The TelemetryStore contract: where accepted samples live. Writers and readers are asked for separately, by who
 * needs which. `test/contract/store.ts` is the suite that every implementation runs.
 *
 * A sample's identity is (stream, number); its place is (stream, tag, time). Stream numbers are the ledger's.
 */
import type { SampleColumns, SampleValue, TimeUs } from '../../protocols/sample.ts';

/** The samples of one frame, all of them known tags and of their declared types. */
export interface StoreBatch {
  readonly stream: number;
  /** The number of each sample, ascending. Holes are dead letters. */
  readonly numbers: readonly number[];
  readonly samples: SampleColumns;
}

/** A sample that the store will never take (InfluxDB: 400 partial write), to become a dead letter. */
export interface StoreRejection {
  readonly stream: number;
  readonly number: number;
  readonly reason: string;
}

export interface TelemetryWriter {
  /**
   * Resolves when every sample is durable or listed as rejected: only then may the ledger advance.
   * Writing the same batch again, wholly or in part, after any failure or crash stores nothing twice.
   * @throws {ConnectionError} the store is away, slow or full: nothing may be acknowledged, try again later.
   */
  write(batches: readonly StoreBatch[], signal: AbortSignal): Promise<readonly StoreRejection[]>;
  /**
   * The same for samples whose numbers lie among others that were stored long ago: dead letters that are taken after
   * all. Those that are there already are not stored twice.
   */
  fill(batch: StoreBatch, signal: AbortSignal): Promise<readonly StoreRejection[]>;
}

/** A tag as the store knows it. */
export interface SeriesKey {
  readonly stream: number;
  readonly tag: number;
}

/** Points of one tag, ascending by (time, number). */
export interface SeriesPoints {
  readonly times: readonly TimeUs[];
  readonly values: readonly SampleValue[];
  readonly qualities: readonly number[];
  readonly flags: readonly number[];
  readonly numbers: readonly number[];
}

export interface SeriesQuery {
  readonly keys: readonly SeriesKey[];
  /** Half-open window [from, to). */
  readonly from: TimeUs;
  readonly to: TimeUs;
  /** Also the last point before `from`, first in the result: what held when the window began. */
  readonly withPrevious?: boolean;
  /** Also the first point at or after `to`, last in the result: for counters interpolated at the edge. */
  readonly withNext?: boolean;
  /** Newest points first cut: at most so many points of each key, the latest ones. Absent is all. */
  readonly limit?: number;
}

/** What is really in the store of a run of numbers; counted by the store itself, for `verify`. */
export interface NumberCount {
  /** Points with a number in the run. */
  readonly points: number;
  /** Different numbers among them; equal to `points` when nothing is double. */
  readonly distinct: number;
  /** The lowest number that has more than one point; absent when nothing is double. */
  readonly double?: number;
  readonly min: number | null;
  readonly max: number | null;
}

export interface TelemetryReader {
  /** One entry per key of the query, in its order; empty columns where there is nothing. */
  series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesPoints[]>;
  countNumbers(stream: number, first: number, last: number, signal: AbortSignal): Promise<NumberCount>;
  /** The lowest number that is stored within one of many ascending runs of numbers; undefined when none is. */
  firstAmong(
    stream: number,
    runs: readonly (readonly [first: number, last: number])[],
    signal: AbortSignal,
  ): Promise<number | undefined>;
  /**
   * The samples numbered [first, last], ascending by number, to be compared with the ledger's hash.
   * `from` and `to` bound their times and may speed the search.
   */
  samplesByNumber(
    run: { stream: number; first: number; last: number; from: TimeUs; to: TimeUs },
    signal: AbortSignal,
  ): Promise<{ numbers: readonly number[]; samples: SampleColumns }>;
}

/** What a store says of itself when it is held against the ledger (`hub/proof/standing.ts`). */
export interface StoreAccount {
  /** By stream: the highest number that it is known to hold or to have held; the true one may be higher (InfluxDB). */
  readonly highest: ReadonlyMap<number, number>;
  /** Runs of numbers below it that it held and has lost, a damaged file say. Written again, they are taken. */
  readonly lost: readonly { readonly stream: number; readonly first: number; readonly last: number }[];
  /** By stream: up to here retention had deleted, and the hub ended before `tell` heard of it. */
  readonly gone: ReadonlyMap<number, number>;
}

/** Whether the store can take writes now; `reason` goes to /readyz. */
export type StoreHealth = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** A deletion that retention made; recorded in the audit log. */
export interface Deletion {
  /** All that is gone had arrived before; or was measured before, where the store deletes by the samples' own time. */
  readonly before: TimeUs;
  /** By stream, the highest number that is gone; null where the store deletes by the samples' own time. */
  readonly through: ReadonlyMap<number, number> | null;
  /** As the store counts them; null where it cannot tell. */
  readonly samples: number | null;
  readonly bytes: number | null;
  readonly why: 'age' | 'quota';
}

export interface TelemetryStore extends AsyncDisposable {
  readonly kind: 'duckdb' | 'influx';
  readonly writer: TelemetryWriter;
  readonly reader: TelemetryReader;
  health(): StoreHealth;
  /** Cheap enough for every start. @throws {ConnectionError} the store is away. */
  account(signal: AbortSignal): Promise<StoreAccount>;
  /**
   * Applies age and disk quota; called now and then by the hub. `now` is a clock that may be wrong: it must not delete
   * more than a day of arrival because it leapt. `tell` hears of every deletion, before it is missed by anybody: if it
   * throws, or the process ends, it hears of it again at the next call.
   */
  retain(
    policy: { maxAgeMs: number; maxBytes: number },
    now: TimeUs,
    tell: (deletion: Deletion) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Bytes on disk, as far as the store can tell. */
  bytes(): Promise<number | null>;
}
