/**
 * InfluxQL over `/query`. Answers come in chunks of 10,000 rows, each a line of JSON: time in µs and numbers are exact
 * below 2^53; a chunk with int64 values is parsed once more with their digits as text, which `JSON.parse` would round.
 */
import { ConnectionError } from '../../../protocols/errors.ts';
import { authorization, databaseOf, endpoint, type InfluxOptions, refusal, unreachable } from './connection.ts';

/** Some rows of a statement's result. */
export interface Rows {
  /** Position of the statement in the request. */
  readonly statement: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  /** An int64 beyond 2^53 is a bigint. */
  readonly values: readonly (readonly unknown[])[];
}

export interface QueryClient {
  /** Runs statements one after the other. @throws {ConnectionError} when there is no answer or one of them fails. */
  query(statements: readonly string[], signal: AbortSignal): AsyncGenerator<Rows>;
}

interface Chunk {
  readonly results: readonly {
    readonly statement_id: number;
    readonly error?: string;
    readonly series?: readonly {
      readonly tags?: Record<string, string>;
      readonly columns: string[];
      readonly values?: unknown[][];
    }[];
  }[];
  readonly error?: string;
}

const rowsPerChunk = 10_000;

/** `timeoutMs`: how long the server may be silent. */
export function createQueryClient(options: InfluxOptions, timeoutMs: number): QueryClient {
  const url = endpoint(options, 'query');
  url.searchParams.set('db', databaseOf(options));
  url.searchParams.set('epoch', 'u');
  url.searchParams.set('chunked', 'true');
  url.searchParams.set('chunk_size', String(rowsPerChunk));

  async function* query(statements: readonly string[], signal: AbortSignal): AsyncGenerator<Rows> {
    const silence = new AbortController();
    const timer = setTimeout(() => {
      silence.abort(new ConnectionError(`InfluxDB was silent for ${timeoutMs} ms in a query`));
    }, timeoutMs);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: authorization(options),
        body: new URLSearchParams({ q: statements.join(';\n') }),
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.ok) throw refusal(response.status, await response.text());
      if (!response.body) return;
      for await (const line of linesOf(response.body.pipeThrough(new TextDecoderStream()))) {
        timer.refresh();
        yield* rowsOf(line);
      }
    } catch (cause) {
      throw unreachable(cause, signal);
    } finally {
      clearTimeout(timer);
    }
  }
  return { query };
}

async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    yield* lines.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}

function* rowsOf(line: string): Generator<Rows> {
  const chunk = parse(line);
  if (chunk.error) throw new ConnectionError(`InfluxDB cannot answer: ${chunk.error}`);
  for (const { statement_id: statement, error, series = [] } of chunk.results) {
    if (error) throw new ConnectionError(`InfluxDB cannot answer: ${error}`);
    for (const { tags = {}, columns, values = [] } of series) yield { statement, tags, columns, values };
  }
}

function parse(line: string): Chunk {
  const chunk: Chunk = JSON.parse(line);
  const rounded = chunk.results?.some(({ series = [] }) =>
    series.some(({ columns, values = [] }) => {
      const column = columns.indexOf('i');
      return column >= 0 && values.some((row) => row[column] !== null);
    }),
  );
  return rounded ? JSON.parse(line, exactIntegers) : chunk;
}

function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !/^-?\d+$/.test(context?.source ?? '')) return value;
  return BigInt(context!.source!);
}

/** An identifier of InfluxQL. */
export const identifier = (name: string): string => `"${name.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
