/**
 * The agent's local HTTP, twice: for a browser and for Prometheus on loopback TCP, where everything is only read, and for
 * the commands of this machine on a Unix socket, whose file rights say who may use it.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { ConfigError } from '../../protocols/errors.ts';
import { pageFiles } from './page-files.ts';
import type { SocketPath } from './socket-path.ts';

/** What a route gives: an object becomes JSON, a text is sent as it is. */
export interface Answer {
  readonly status: number;
  readonly body: object | string;
  readonly type?: string;
}

export type Route = (request: { url: URL; body: () => Promise<unknown>; signal: AbortSignal }) => Promise<Answer>;

/** By method and path: `GET /api/status`. */
export type Routes = Readonly<Record<string, Route>>;

export interface StatusServer extends AsyncDisposable {
  readonly port: number;
}

const maxBodyBytes = 64 * 1024;

/** `require-trusted-types-for` and the rest: nothing but this page's own files runs, and nobody frames it. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** Reads only. @throws {ConfigError} when the port cannot be opened. */
export async function startStatusServer(
  { host, port }: { host: string; port: number },
  routes: Routes,
): Promise<StatusServer> {
  const files = pageFiles();
  const server = createServer(limits, (request, response) => {
    if (!isOurs(request, host)) return reply(response, refusal(421, 'this is not the name of this agent'));
    if (request.method !== 'GET') return reply(response, refusal(405, 'here is only read'), { allow: 'GET' });
    const file = files.get(new URL(request.url!, 'http://agent').pathname);
    if (!file) return void serve(routes, request, response);
    file.read().then(
      (content) => response.writeHead(200, { ...headers, 'content-type': file.type }).end(content),
      () => reply(response, refusal(500, 'the file cannot be read')),
    );
  });
  await listen(server, { host, port }, (cause) => {
    const hint = 'Set status.port in agent.yaml to a free one, or stop what listens there.';
    return new ConfigError(`port ${port} for the agent's status cannot be opened`, {
      path: `${host}:${port}`,
      hint,
      cause,
    });
  });
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: () => close(server) };
}

/**
 * Whoever holds the buffer is the only agent of the data folder: a socket that is there was left by one that is gone.
 * @throws {ConfigError}
 */
export async function startLocalSocket(
  { path, shown }: Pick<SocketPath, 'path' | 'shown'>,
  routes: Routes,
): Promise<AsyncDisposable> {
  const server = createServer(limits, (request, response) => void serve(routes, request, response));
  const explain = (cause: unknown) => {
    const hint = 'Give the agent a dataDir that it can write.';
    return new ConfigError("the agent's local socket cannot be opened", { path: shown, hint, cause });
  };
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw explain(error);
  }
  await listen(server, { path }, explain);
  chmodSync(path, 0o600);
  return { [Symbol.asyncDispose]: () => close(server) };
}

const limits = { requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 16_384 };

function listen(server: Server, where: object, explain: (cause: Error) => Error): Promise<void> {
  server.maxConnections = 100;
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(explain(cause)));
    server.listen(where, resolve);
  });
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/**
 * A page from elsewhere can make a name of its own lead to loopback (DNS rebinding) and then read what is here; it cannot
 * change what the browser says it asked for.
 */
function isOurs({ headers: { host: given = '' }, socket }: IncomingMessage, host: string): boolean {
  const name = given.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name === host) return true;
  return isIP(name) !== 0 && name === (socket.localAddress ?? '').replace(/^::ffff:/, '');
}

async function serve(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url!, 'http://agent');
  const route = routes[`${request.method} ${url.pathname}`];
  if (!route)
    return reply(response, refusal(404, 'there is nothing here', `Known: ${Object.keys(routes).join(', ')}.`));
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    reply(response, await route({ url, body: () => readBody(request), signal: gone.signal }));
  } catch (error) {
    reply(response, answerTo(error));
  }
}

/** An error that a route throws to say what it answers. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function answerTo(error: unknown): Answer {
  if (error instanceof StatusError) return refusal(error.status, error.message);
  if (error instanceof ConfigError) {
    return { status: 422, body: { message: error.message, path: error.path, hint: error.hint } };
  }
  return refusal(500, (error as Error).message);
}

const refusal = (status: number, message: string, hint?: string): Answer => ({
  status,
  body: { message, ...(hint && { hint }) },
});

function reply(response: ServerResponse, { status, body, type }: Answer, more: Record<string, string> = {}): void {
  const isText = typeof body === 'string';
  const contentType = type ?? (isText ? 'text/plain; charset=utf-8' : 'application/json');
  response.writeHead(status, { ...headers, ...more, 'content-type': contentType });
  response.end(isText ? body : `${JSON.stringify(body)}\n`);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBodyBytes) throw new StatusError(413, 'the question is too long');
    pieces.push(piece);
  }
  try {
    return size === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString());
  } catch {
    throw new StatusError(400, 'this is not JSON');
  }
}
