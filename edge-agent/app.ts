/** The agent put together, in the order in which data flow: sources → sampler → acceptance → buffer → forwarding. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../protocols/clock.ts';
import { startAcceptor } from './accept.ts';
import type { AgentConfig } from './config.ts';
import { createForwarder } from './forward.ts';
import { createSourceHealth, healthDeclarations, type SourceHealth } from './health.ts';
import { createMqttUplink } from './mqtt-uplink.ts';
import { createSampler } from './sampler.ts';
import { createSource, tagsOf } from './sources.ts';
import { openSqliteBuffer } from './sqlite-buffer.ts';
import { superviseSource } from './supervise.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly password: string;
  readonly clock: Clock;
  readonly version: string;
  readonly log: Log;
  /** At a stop, how long what is buffered may still be forwarded. */
  readonly drainMs: number;
}

/**
 * Runs an agent. `stop` ends it at leisure: sources end, the buffer drains for a while; `kill` skips the draining.
 * Resolves when everything is closed. @throws {ConfigError} when it cannot start.
 */
export async function runAgent(options: AgentOptions, stop: AbortSignal, kill: AbortSignal): Promise<void> {
  const { config, clock, log } = options;
  await using buffer = await openSqliteBuffer({
    dir: join(config.dataDir, 'buffer'),
    maxBytes: config.buffer.maxBytes,
  });

  const declared = config.sources.map((source) => ({ source, tags: tagsOf(source) }));
  const { revision, tags, idByPath } = await buffer.register(
    declared.flatMap(({ source, tags }) => [
      ...tags.map(({ report, ...tag }) => ({ ...tag, source: source.id })),
      ...healthDeclarations(source.id, config.health.intervalMs),
    ]),
  );
  log.info({ ...buffer.state(), revision, tags: idByPath.size }, 'buffer open');

  const forwarder = createForwarder({
    buffer,
    uplink: createMqttUplink({ url: config.broker.url, agent: config.agent, password: options.password }),
    manifest: { epoch: buffer.state().epoch, revision, site: config.site, tags: [...tags] },
    bootId: randomUUID(),
    version: options.version,
    log,
  });
  const giveUp = new AbortController();
  kill.addEventListener('abort', () => giveUp.abort());
  await using acceptor = startAcceptor({
    buffer,
    manifestRevision: revision,
    now: clock.now,
    intervalMs: config.acceptance.intervalMs,
    log,
    giveUp: giveUp.signal,
    onAccepted: forwarder.accepted,
  });

  /** When one part fails, the others end too: half an agent helps nobody, and a new start is near. */
  const failure = new AbortController();
  const end = AbortSignal.any([stop, failure.signal]);
  const healths = new Map<string, SourceHealth>();
  const supervise = async ({ source: sourceConfig, tags }: (typeof declared)[number]) => {
    const context = { tagIds: idByPath, clock, log, dataDir: config.dataDir };
    const source = await createSource(sourceConfig, context);
    const sampler = createSampler(new Map(tags.map((tag) => [idByPath.get(tag.path)!, tag.report])), clock.now);
    const health = createSourceHealth(source.id, idByPath, config.health.intervalMs);
    healths.set(source.id, health);
    await superviseSource({ source, sampler, health, acceptor, clock, log }, end);
  };

  await using _status = await startStatus();
  const endForwarding = new AbortController();
  const forwarding = forwarder.run(AbortSignal.any([endForwarding.signal, kill]));
  const supervised = declared.map(supervise);
  try {
    stop.addEventListener('abort', () => setTimeout(() => giveUp.abort(), options.drainMs).unref(), { once: true });
    await Promise.race([Promise.all(supervised), forwarding.then(() => aborted(stop)), acceptor.failed]);
    await acceptor.flush();
    if (acceptor.waiting > 0)
      log.error({ samples: acceptor.waiting }, 'stopped before the buffer took these samples: they are lost');
    const settled = await drained(Date.now() + options.drainMs);
    log.info({ through: forwarder.through, next: buffer.state().next, settled }, 'agent stopping');
  } finally {
    failure.abort();
    giveUp.abort();
    endForwarding.abort();
    await Promise.allSettled([...supervised, forwarding]);
  }

  async function drained(deadline: number): Promise<boolean> {
    const done = () => forwarder.through === buffer.state().next - 1;
    while (!done() && forwarder.link !== 'regressed' && Date.now() < deadline && !kill.aborted) await delay(20);
    return done();
  }

  async function startStatus(): Promise<AsyncDisposable> {
    const { host, port } = config.status;
    if (port === undefined) return { async [Symbol.asyncDispose]() {} };
    // Loaded only where it is served: small gateways need the memory.
    const { createMetrics } = await import('./status/metrics.ts');
    const { startStatusServer } = await import('./status/server.ts');
    const metrics = createMetrics({ buffer, acceptor, forwarder, sources: healths });
    const reasons = () => [
      ...[...healths].filter(([, health]) => !health.up).map(([id]) => `source ${id} is not connected`),
      ...(forwarder.link === 'forwarding' ? [] : [`link to the hub: ${forwarder.link}`]),
    ];
    const server = await startStatusServer({ host, port, reasons, metrics });
    log.info({ port: server.port }, 'status served');
    return server;
  }
}

/** Resolves when the signal aborts. A regressed buffer goes on being filled until somebody stops the agent. */
const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
