/**
 * Samples → rows of the current segment: chunks of 2,048 rows filled column by column and handed to DuckDB's appender.
 * Filling and flushing run on the event loop, so it is given back after every 16,384 rows (about 10 ms).
 */
import { setImmediate as breathe } from 'node:timers/promises';
import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBAppender,
  DuckDBDataChunk,
  HUGEINT,
  UINTEGER,
  UTINYINT,
  VARCHAR,
} from '@duckdb/node-api';
import type { SampleValue } from '../../../protocols/sample.ts';
import { type Piece, storable } from '../storable.ts';
import type { StoreBatch, StoreRejection } from '../store.ts';
import { type Held, nothingHeld, wanted, withStored } from './held.ts';
import { type Extent, extend } from './segment.ts';

/** In the order of the table's columns. */
const types = [BIGINT, BIGINT, UINTEGER, BIGINT, DOUBLE, HUGEINT, BOOLEAN, VARCHAR, UINTEGER, UTINYINT];
const rowsPerChunk = 2048;
const rowsPerTurn = 8 * rowsPerChunk;

export interface Appended {
  readonly rejections: readonly StoreRejection[];
  /** What was added and what is held then, by stream; to be told to the catalogue when it is committed. */
  readonly extents: Map<number, Extent>;
  readonly held: Map<number, Held>;
}

/** Appends what is not held yet, within the transaction that the caller began. */
export async function append(
  appender: DuckDBAppender,
  batches: readonly StoreBatch[],
  before: ReadonlyMap<number, Held>,
): Promise<Appended> {
  const rejections: StoreRejection[] = [];
  const extents = new Map<number, Extent>();
  const held = new Map<number, Held>();
  let pieces: Piece[] = [];
  let rows = 0;
  let turn = 0;

  const flush = async () => {
    if (rows === 0) return;
    appender.appendDataChunk(fill(pieces, rows));
    turn += rows;
    pieces = [];
    rows = 0;
    if (turn < rowsPerTurn) return;
    appender.flushSync();
    turn = 0;
    await breathe();
  };

  for (const batch of batches) {
    let now = held.get(batch.stream) ?? before.get(batch.stream) ?? nothingHeld;
    for (const stretch of storable(batch, wanted(now), rejections)) {
      const extent = extentOf(stretch);
      extend(extents, batch.stream, extent);
      now = withStored(now, extent.firstNumber, extent.lastNumber);
      held.set(batch.stream, now);
      for (let from = stretch.from; from < stretch.to; ) {
        const to = Math.min(stretch.to, from + rowsPerChunk - rows);
        pieces.push({ batch, from, to });
        rows += to - from;
        from = to;
        if (rows === rowsPerChunk) await flush();
      }
    }
  }
  await flush();
  appender.flushSync();
  return { rejections, extents, held };
}

function extentOf({ batch: { numbers, samples }, from, to }: Piece): Extent {
  let minTime = samples.times[from]!;
  let maxTime = minTime;
  for (let index = from + 1; index < to; index++) {
    const time = samples.times[index]!;
    if (time < minTime) minTime = time;
    else if (time > maxTime) maxTime = time;
  }
  return { rows: to - from, firstNumber: numbers[from]!, lastNumber: numbers[to - 1]!, minTime, maxTime };
}

function fill(pieces: readonly Piece[], rows: number): DuckDBDataChunk {
  const chunk = DuckDBDataChunk.create(types, rows);
  const [stream, n, tag, time, f, i, b, s, q, flags] = types.map((_, column) => chunk.getColumnVector(column));
  let row = 0;
  for (const { batch, from, to } of pieces) {
    const streamNumber = BigInt(batch.stream);
    const { tags, times, values, qualities, flags: bits } = batch.samples;
    for (let index = from; index < to; index++, row++) {
      stream!.setItem(row, streamNumber);
      n!.setItem(row, BigInt(batch.numbers[index]!));
      tag!.setItem(row, tags[index]!);
      time!.setItem(row, BigInt(times[index]!));
      const value: SampleValue = values[index]!;
      // Adding 0 makes -0 into 0, as on the wire.
      f!.setItem(row, typeof value === 'number' ? value + 0 : null);
      i!.setItem(row, typeof value === 'bigint' ? value : null);
      b!.setItem(row, typeof value === 'boolean' ? value : null);
      s!.setItem(row, typeof value === 'string' ? value : null);
      q!.setItem(row, qualities[index]!);
      flags!.setItem(row, bits[index]!);
    }
  }
  for (let column = 0; column < types.length; column++) chunk.getColumnVector(column).flush();
  return chunk;
}
