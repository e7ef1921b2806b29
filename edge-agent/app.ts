/** The agent put together, in the order in which data flow: sources → sampler → acceptance → buffer → forwarding. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../protocols/clock.ts';
import { maxFrameSamples } from '../protocols/frame.ts';
import type { ReadSecret } from '../protocols/secret.ts';
import { startAcceptor } from './acquire/accept.ts';
import { createFleet } from './acquire/fleet.ts';
import { createNewest } from './acquire/newest.ts';
import { type Configuration, createReloader } from './acquire/reload.ts';
import { tagsOf } from './acquire/sources.ts';
import { openTagBook } from './acquire/tag-book.ts';
import type { RegisteredTags } from './buffer/buffer.ts';
import { openSqliteBuffer } from './buffer/sqlite-buffer.ts';
import type { AgentConfig } from './config/schema.ts';
import { createForwarder } from './forward/forward.ts';
import { createMqttUplink } from './forward/mqtt-uplink.ts';
import { onceTheMachineAllows } from './opening.ts';
import { startStatus } from './status/start.ts';
import { suitYoungGeneration } from './young-generation.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface AgentOptions {
  readonly config: AgentConfig;
  /** Where `config` came from, and where another one may come from while the agent runs. */
  readonly configuration: Configuration;
  readonly secret: ReadSecret;
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
  const { config, configuration, secret, clock, version, log } = options;
  /** Ends the waiting for a disk that takes nothing. */
  const giveUp = new AbortController();
  onAbort(kill, () => giveUp.abort());
  onAbort(stop, () => setTimeout(() => giveUp.abort(), options.drainMs).unref());

  const password = secret(config.broker.password);
  // What is salvaged of a damaged buffer may be ready before there is a forwarder: it then begins with it.
  let onBufferChange = (): void => {};
  const bufferOptions = {
    dir: join(config.dataDir, 'buffer'),
    maxBytes: config.buffer.maxBytes,
    full: config.buffer.full,
    replayMs: config.buffer.replayHours * 3_600_000,
    onChange: () => onBufferChange(),
    onProblem: log.error.bind(log),
  };
  await using buffer = await onceTheMachineAllows(() => openSqliteBuffer(bufferOptions), { log, stop });

  const bookOptions = {
    buffer,
    site: config.site,
    sources: config.sources.map((source) => ({ id: source.id, tags: tagsOf(source) })),
    healthIntervalMs: config.health.intervalMs,
    // In one turn: no frame can name a manifest that was not announced.
    announce: ({ revision, site, tags }: RegisteredTags) => {
      forwarder.announce({ revision, site, tags: [...tags] });
      acceptor.describedBy(revision);
    },
    log,
  };
  const book = await onceTheMachineAllows(() => openTagBook(bookOptions), { log, stop });
  const { revision, site, tags } = book.registered;
  log.info({ ...buffer.state(), revision, tags: book.ids.size }, 'buffer open');
  suitYoungGeneration(book.ids.size);

  const forwarder = createForwarder({
    buffer,
    uplink: createMqttUplink({ url: config.broker.url, agent: config.agent, password }),
    manifest: { revision, site, tags: [...tags] },
    newest: () => newest(),
    bootId: randomUUID(),
    version,
    log,
  });
  onBufferChange = forwarder.accepted;
  await using acceptor = startAcceptor({
    buffer,
    manifestRevision: revision,
    keepsHistory: book.keepsHistory,
    keepOf: book.keepOf,
    now: clock.now,
    intervalMs: config.acceptance.intervalMs,
    log,
    giveUp: giveUp.signal,
    onAccepted: forwarder.accepted,
  });

  /** When one part fails, the others end too: half an agent helps nobody, and a new start is near. */
  const failure = new AbortController();
  const end = AbortSignal.any([stop, failure.signal]);
  const { dataDir, health } = config;
  const fleetOptions = { book, buffer, acceptor, clock, secret, dataDir, healthIntervalMs: health.intervalMs, log };
  const fleet = createFleet(fleetOptions, end);
  const newest = createNewest(fleet, book, maxFrameSamples);
  const reloader = createReloader({ configuration, config, book, fleet, now: clock.now, log });

  await using _status = await startStatus({ buffer, book, acceptor, forwarder, fleet, reloader, clock, version, log });
  const endForwarding = new AbortController();
  const forwarding = forwarder.run(AbortSignal.any([endForwarding.signal, kill]));
  configuration.watch(reloader.reload, end);
  try {
    const started = fleet.run(config.sources, new Set());
    const ended = Promise.all([started, forwarding]).then(() => aborted(stop));
    await Promise.race([aborted(stop), ended, fleet.failed, acceptor.failed]);
    await fleet[Symbol.asyncDispose]();
    await acceptor.flush();
    if (acceptor.waiting > 0)
      log.error({ samples: acceptor.waiting }, 'stopped before the buffer took these samples: they are lost');
    const settled = await drained(performance.now() + options.drainMs);
    log.info({ through: forwarder.through, next: buffer.state().next, settled }, 'agent stopping');
  } finally {
    failure.abort();
    giveUp.abort();
    endForwarding.abort();
    await Promise.allSettled([fleet[Symbol.asyncDispose](), forwarding]);
  }

  async function drained(deadlineMs: number): Promise<boolean> {
    const done = () => !forwarder.isDraining && forwarder.through === buffer.state().next - 1;
    while (!done() && performance.now() < deadlineMs && !kill.aborted) await delay(20);
    return done();
  }
}

function onAbort(signal: AbortSignal, then: () => void): void {
  if (signal.aborted) then();
  else signal.addEventListener('abort', then, { once: true });
}

const aborted = (signal: AbortSignal): Promise<void> => new Promise((resolve) => onAbort(signal, resolve));
