/** A proxy in front of a real HTTP server that spoils requests as a test tells it. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';

export type Fault =
  | { readonly kind: 'none' }
  /** Passed on at once; the answer comes late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Passed on, and the connection cut before the answer. */
  | { readonly kind: 'drop-reply' }
  /** Not passed on. */
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string };

export interface FaultyProxy {
  readonly url: string;
  /** Of the requests whose path begins so. */
  fault: Fault;
  /** Requests that were passed on, and answered by the server. */
  readonly passed: number;
}

/** Ends with the test. Only requests whose path begins with `path` are spoilt. */
export async function startFaultyProxy(t: Test, target: string, path: string): Promise<FaultyProxy> {
  let passed = 0;
  const proxy = { url: '', fault: { kind: 'none' } as Fault, passed: 0 };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = request.url!.startsWith(path) ? proxy.fault : ({ kind: 'none' } as const);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault.kind === 'answer') return void response.writeHead(fault.status).end(fault.body ?? '{}');
    const onward = httpRequest(new URL(request.url!, target), { method: request.method, headers: request.headers });
    onward.end(Buffer.concat(chunks));
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    if (request.url!.startsWith(path)) passed += 1;
    if (fault.kind === 'slow') await delay(fault.ms);
    if (fault.kind === 'drop-reply') {
      answer.resume();
      return void response.destroy();
    }
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  proxy.url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return Object.defineProperty(proxy, 'passed', { get: () => passed });
}
