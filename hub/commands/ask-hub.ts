/** Asks a running hub over its API, for commands about what only that process may touch: ledger and store. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Option } from 'commander';
import { ConfigError } from '../../protocols/errors.ts';
import type { Language } from '../words.ts';
import { askWords } from './ask-words.ts';

export interface HubAddress {
  readonly url: string;
  readonly token?: string;
  /** In which it answers; English if absent. */
  readonly language?: Language;
}

export const urlOption = (): Option =>
  new Option('--url <url>', 'the hub').default(process.env.PAYESH_URL ?? 'http://127.0.0.1:8080');
export const tokenOption = (): Option =>
  new Option('--token <token>', 'PAYESH_TOKEN by default').default(process.env.PAYESH_TOKEN, '$PAYESH_TOKEN');

const defaultTimeoutMs = 60_000;
const fileTimeoutMs = 600_000;

export interface Question {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: object;
  /** Instead of a body of JSON. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly timeoutMs?: number;
}

/** The answer's JSON; undefined where there is none. @throws {ConfigError} when the hub is away or refuses. */
export async function askHub<T>(address: HubAddress, path: string, question: Question = {}): Promise<T> {
  const response = await answerOf(address, path, question);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** The same with a piece of a file. @throws {ConfigError} as `askHub` */
export const sendBytes = <T>(address: HubAddress, path: string, bytes: Uint8Array<ArrayBuffer>): Promise<T> =>
  askHub(address, path, { method: 'PUT', bytes });

/** Writes what the hub answers to a file, whose folder is made; none is there when it breaks off. @throws {ConfigError} as `askHub` */
export async function fetchFile(address: HubAddress, path: string, file: string): Promise<void> {
  const response = await answerOf(address, path, { timeoutMs: fileTimeoutMs });
  const part = `${file}.part`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    const { message, hint } = wordsOf(address).broken;
    throw new ConfigError(message, { path: file, hint, cause });
  }
}

async function answerOf(address: HubAddress, path: string, question: Question): Promise<Response> {
  const { url, token, language = 'en' } = address;
  const words = wordsOf(address);
  const { method = 'GET', body, bytes, timeoutMs = defaultTimeoutMs } = question;
  const type = body ? 'application/json' : bytes && 'application/octet-stream';
  if (!token) throw new ConfigError(words.noToken.message, { path: '--token', hint: words.noToken.hint });
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'accept-language': language,
      ...(type && { 'content-type': type }),
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(bytes && { body: bytes }),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new ConfigError(words.away.message, { path: url, hint: words.away.hint, cause });
  });
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  throw new ConfigError(words.refuses(problem.detail ?? problem.title ?? response.status), {
    path: url + path,
    hint: words.hints[response.status] ?? words.otherHint,
  });
}

const wordsOf = ({ language = 'en' }: HubAddress) => askWords[language];
