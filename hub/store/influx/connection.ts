/** How an InfluxDB is reached and what its refusals mean. Shared by writing and reading. */
import { ConnectionError } from '../../../protocols/errors.ts';
import type { StoreLog } from '../log.ts';

interface CommonOptions {
  readonly url: string;
  /** Lines of one request. */
  readonly batchLines?: number;
  /** Of one write request. In a query the server may be silent three times as long. */
  readonly timeoutMs?: number;
  readonly log: StoreLog;
}

/** InfluxDB 1.x: `/write` and `/query`, Basic authentication. */
export interface InfluxV1Options extends CommonOptions {
  readonly api: 'v1';
  /** Created when missing, if the user may. */
  readonly database: string;
  readonly username?: string;
  readonly password?: string;
  /** Created when missing; absent is the database's default policy. */
  readonly retentionPolicy?: string;
}

/** InfluxDB 2 and 3: `/api/v2/write`, Token authentication; read through their InfluxQL endpoint of 1.x. */
export interface InfluxV2Options extends CommonOptions {
  readonly api: 'v2';
  readonly org: string;
  readonly bucket: string;
  readonly token: string;
}

export type InfluxOptions = InfluxV1Options | InfluxV2Options;

export const databaseOf = (options: InfluxOptions): string =>
  options.api === 'v1' ? options.database : options.bucket;

/** A path of its HTTP API, below the path of its URL if that has one. */
export const endpoint = ({ url }: InfluxOptions, path: string): URL =>
  new URL(path, url.endsWith('/') ? url : `${url}/`);

/** The headers that authenticate a request; empty where there are no credentials. */
export function authorization(options: InfluxOptions): Record<string, string> {
  if (options.api === 'v2') return { authorization: `Token ${options.token}` };
  if (options.username === undefined) return {};
  const pair = Buffer.from(`${options.username}:${options.password ?? ''}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

/** What an answer means to the operator, who must do something about 401, 403 and 404. */
export function refusal(status: number, text: string): ConnectionError {
  const said = text.trim().slice(0, 300);
  if (status === 401) return new ConnectionError(`InfluxDB does not know the user or token (401): ${said}`);
  if (status === 403) return new ConnectionError(`InfluxDB denies the user or token this right (403): ${said}`);
  if (status === 404) return new ConnectionError(`InfluxDB has no such database or path (404): ${said}`);
  return new ConnectionError(`InfluxDB answered ${status}: ${said}`);
}

/** Whether a refusal waits for the operator: wrong credentials, a missing right, a wrong address. */
export const isOperators = (reason: string): boolean => /\((401|403|404)\)/.test(reason);

/** An error of the network or of a timeout, as the ConnectionError it is; the caller's own abort as it is. */
export function unreachable(cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof ConnectionError) return cause;
  const detail = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return new ConnectionError(`InfluxDB cannot be reached: ${detail instanceof Error ? detail.message : detail}`, {
    cause,
  });
}
