/**
 * Writing to InfluxDB through the official client, one awaited flush a request. 204 is stored. A 400 that speaks of the
 * data is cut in halves down to the single sample that cannot be stored (the good ones of a refused request are stored
 * all the same, and writing them again changes nothing); whatever else goes wrong rejects no sample (R14).
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpError, InfluxDB } from '@influxdata/influxdb-client';
import { everyNumber, type Piece, storable } from '../storable.ts';
import type { StoreBatch, StoreRejection } from '../store.ts';
import { authorization, type InfluxOptions, refusal, unreachable } from './connection.ts';
import { encodeLines } from './line.ts';

export interface LineWriter extends Disposable {
  /** @throws {ConnectionError} not stored, or not known to be. */
  write(batches: readonly StoreBatch[], signal: AbortSignal): Promise<StoreRejection[]>;
}

const requestsAtOnce = 2;
/** The server cannot store something of this request. */
class DataFault extends Error {}
/** The server takes no request of this size. */
class TooLarge extends Error {}

export function createLineWriter(options: InfluxOptions, timeoutMs: number): LineWriter {
  const { url } = options;
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({
    keepAlive: true,
    maxSockets: requestsAtOnce,
  });
  let linesPerRequest = options.batchLines ?? 5000;

  async function post(lines: string, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    // A client per request, because only its constructor takes a signal: its own timeout does not end the request.
    const client = new InfluxDB({
      url,
      headers: authorization(options),
      timeout: timeoutMs * 2,
      transportOptions: { agent, signal: limit },
    });
    const [org, bucket] = options.api === 'v2' ? [options.org, options.bucket] : ['', ''];
    // All lines are one record and nothing is sent but by the flush below; compressing costs more than it saves.
    const api = client.getWriteApi(org, bucket, 'ns', {
      batchSize: 2,
      maxBatchBytes: Number.MAX_SAFE_INTEGER,
      flushInterval: 0,
      maxRetries: 0,
      gzipThreshold: Number.MAX_SAFE_INTEGER,
    });
    if (options.api === 'v1') api.path = pathOfV1(options.database, options.retentionPolicy);
    api.writeRecord(lines);
    try {
      await api.flush();
    } catch (error) {
      throw error instanceof HttpError ? meaningOf(error) : unreachable(error, signal);
    }
  }

  async function send(pieces: readonly Piece[], signal: AbortSignal): Promise<StoreRejection[]> {
    try {
      await post(encodeLines(pieces), signal);
      return [];
    } catch (error) {
      if (!(error instanceof DataFault || error instanceof TooLarge)) throw error;
      const lines = countOf(pieces);
      if (error instanceof TooLarge) linesPerRequest = Math.max(1, Math.min(linesPerRequest, lines >> 1));
      if (lines > 1) {
        const [first, second] = halves(pieces, lines >> 1);
        return [...(await send(first, signal)), ...(await send(second, signal))];
      }
      const [{ batch, from }] = pieces as [Piece];
      return [{ stream: batch.stream, number: batch.numbers[from]!, reason: error.message }];
    }
  }

  return {
    write: async (batches, signal) => {
      const rejections: StoreRejection[] = [];
      const requests = requestsOf(batches, rejections, () => linesPerRequest);
      const failure = new AbortController();
      const either = AbortSignal.any([signal, failure.signal]);
      const sendAll = async () => {
        for (const pieces of requests) {
          either.throwIfAborted();
          rejections.push(...(await send(pieces, either)));
        }
      };
      const senders = Array.from({ length: requestsAtOnce }, async () => {
        try {
          await sendAll();
        } catch (error) {
          failure.abort(error);
        }
      });
      await Promise.all(senders);
      either.throwIfAborted();
      return rejections;
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function pathOfV1(database: string, retentionPolicy: string | undefined): string {
  const query = new URLSearchParams({ db: database, precision: 'ns' });
  if (retentionPolicy !== undefined) query.set('rp', retentionPolicy);
  return `/write?${query}`;
}

/** 400 and 422 are the data's fault only where the server says so; limits that an operator set are not. */
function meaningOf(error: HttpError): Error {
  const text = String(error.json?.error ?? error.json?.message ?? error.body ?? error.message);
  if (error.statusCode === 413) return new TooLarge(text);
  const ofData = /partial write|unable to parse|field type conflict/.test(text);
  const ofLimits = /max-(series|values)-per/.test(text);
  if ((error.statusCode === 400 || error.statusCode === 422) && ofData && !ofLimits) return new DataFault(text.trim());
  return refusal(error.statusCode, text);
}

/** Packs batches into requests; a text that UTF-8 cannot carry is rejected here. */
function* requestsOf(
  batches: readonly StoreBatch[],
  rejections: StoreRejection[],
  size: () => number,
): Generator<Piece[]> {
  let pieces: Piece[] = [];
  let space = size();
  for (const piece of batches.flatMap((batch) => storable(batch, everyNumber, rejections))) {
    for (let { from } = piece; from < piece.to; ) {
      const to = Math.min(piece.to, from + space);
      pieces.push({ ...piece, from, to });
      space -= to - from;
      from = to;
      if (space > 0) continue;
      yield pieces;
      pieces = [];
      space = size();
    }
  }
  if (pieces.length > 0) yield pieces;
}

const countOf = (pieces: readonly Piece[]): number => pieces.reduce((sum, { from, to }) => sum + to - from, 0);

function halves(pieces: readonly Piece[], lines: number): [Piece[], Piece[]] {
  const first: Piece[] = [];
  const second: Piece[] = [];
  let space = lines;
  for (const piece of pieces) {
    const cut = Math.min(piece.to, piece.from + space);
    if (cut > piece.from) first.push({ ...piece, to: cut });
    if (cut < piece.to) second.push({ ...piece, from: cut });
    space -= cut - piece.from;
  }
  return [first, second];
}
