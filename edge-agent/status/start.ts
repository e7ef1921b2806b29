/** Serves what a running agent knows of itself: on its socket always, on a port where one is configured. */
import type { Clock } from '../../protocols/clock.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { Acceptor } from '../acquire/accept.ts';
import type { Fleet } from '../acquire/fleet.ts';
import type { Reloader } from '../acquire/reload.ts';
import type { TagBook } from '../acquire/tag-book.ts';
import type { Buffer } from '../buffer/buffer.ts';
import { openCommissioningBook } from '../commissioning/book.ts';
import type { Forwarder } from '../forward/forward.ts';
import { readRoutes, type StatusApi, socketRoutes } from './api.ts';
import { describeAgent, describeTags } from './describe.ts';
import { findProblems } from './find-problems.ts';
import { createProblemContext, rememberEveryMs } from './problem-context.ts';
import { startLocalSocket, startStatusServer } from './server.ts';
import { openSocketPath } from './socket-path.ts';

export interface StatusParts {
  readonly buffer: Buffer;
  readonly book: TagBook;
  readonly acceptor: Acceptor;
  readonly forwarder: Forwarder;
  readonly fleet: Fleet;
  readonly reloader: Reloader;
  readonly clock: Clock;
  readonly version: string;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** @throws {ConfigError} when socket or port cannot be opened. */
export async function startStatus(parts: StatusParts): Promise<AsyncDisposable> {
  const { buffer, book, acceptor, forwarder, fleet, reloader, clock, version, log } = parts;
  const { dataDir, status } = reloader.config;
  const startedAt = clock.now();
  const sheets = openCommissioningBook(dataDir);
  const context = createProblemContext();

  const options = () => {
    const { config, report: configReport } = reloader;
    return { config, version, startedAt, clock, configReport, buffer, forwarder, fleet, book, sheets };
  };
  const describe = () => describeAgent(options());
  const api: StatusApi = {
    async report() {
      const report = await describe();
      const more = await context.gather(reloader.config, reloader.needsRestart);
      return { ...report, problems: findProblems(report, describeTags(options()), more) };
    },
    tags: (source) => describeTags(options(), source),
    reasons: () => [
      ...[...fleet.runs].filter(([, { health }]) => !health.up).map(([id]) => `source ${id} is not connected`),
      ...(forwarder.link === 'forwarding' ? [] : [`link to the hub: ${forwarder.link}`]),
    ],
    async metrics() {
      const { metrics, contentType } = await registry();
      return { text: await metrics(), type: contentType };
    },
    async inspect(id, request, signal) {
      const run = fleet.runs.get(id);
      if (!run) throw new RejectedError(`there is no source "${id}"`, { reason: 'unknown-source' });
      if (!run.source) throw new ConnectionError(`${id} does not run: ${run.state.error?.message}`);
      return await run.source.inspect(request, signal);
    },
    reload: reloader.reload,
  };

  /** Loaded only where it is asked for: small gateways need the memory. */
  let loaded: Promise<{ metrics: () => Promise<string>; contentType: string }> | undefined;
  const registry = () => {
    loaded ??= import('./metrics.ts').then(({ createMetrics }) => {
      const made = createMetrics({ buffer, acceptor, forwarder, fleet, book, config: () => reloader.report });
      return { metrics: () => made.metrics(), contentType: made.contentType };
    });
    return loaded;
  };

  await using opened = new AsyncDisposableStack();
  opened.use(await startLocalSocket(opened.use(openSocketPath(dataDir)), socketRoutes(api)));
  if (status.port !== undefined) {
    const server = opened.use(await startStatusServer({ host: status.host, port: status.port }, readRoutes(api)));
    log.info({ port: server.port }, 'status served');
  }
  const remember = () => void describe().then(context.remember, (err) => log.warn({ err }, 'no report of the agent'));
  const timer = setInterval(remember, rememberEveryMs).unref();
  opened.defer(() => clearInterval(timer));
  return opened.move();
}
