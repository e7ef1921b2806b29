/** The agent's health over loopback HTTP: /healthz (the process lives), /readyz (it can do its work), /metrics (Prometheus). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { ConfigError } from '../../protocols/errors.ts';

export interface StatusOptions {
  readonly host: string;
  readonly port: number;
  /** Why the agent cannot do its work; empty when it can. */
  readonly reasons: () => readonly string[];
  readonly metrics: Registry;
}

export interface StatusServer extends AsyncDisposable {
  readonly port: number;
}

/** @throws {ConfigError} when the port is taken. */
export async function startStatusServer({ host, port, reasons, metrics }: StatusOptions): Promise<StatusServer> {
  const server = createServer({ requestTimeout: 5000 }, (request, response) => {
    const reply = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (request.url === '/healthz') reply(200, 'application/json', '{"ok":true}\n');
    else if (request.url === '/readyz') {
      const found = reasons();
      reply(
        found.length ? 503 : 200,
        'application/json',
        `${JSON.stringify({ ok: found.length === 0, reasons: found })}\n`,
      );
    } else if (request.url === '/metrics') {
      metrics.metrics().then(
        (text) => reply(200, metrics.contentType, text),
        () => reply(500, 'text/plain', 'metrics failed\n'),
      );
    } else reply(404, 'text/plain', 'known: /healthz /readyz /metrics\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const hint = 'Set status.port in agent.yaml to a free one, or stop what listens there.';
      reject(
        new ConfigError(`port ${port} for the agent's status cannot be opened`, {
          path: `${host}:${port}`,
          hint,
          cause,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
