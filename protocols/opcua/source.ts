/**
 * An OPC UA server as a Source. Three rungs of recovery: a lost subscription is made anew on its session
 * (subscription.ts), a lost session on its connection (here), and a lost connection is for the runner.
 */
import { ConnectionError, RejectedError } from '../errors.ts';
import type { Source } from '../source.ts';
import type { SourceContext } from '../tag-config.ts';
import { acquire, idOf } from './acquire.ts';
import type { OpcuaConfig } from './config.ts';
import { createGaps } from './gaps.ts';
import { inspectOver } from './inspect-node.ts';
import type { Memory } from './memory.ts';
import type { Services } from './services.ts';
import { connectOpcua, type OpcuaSession } from './session.ts';
import { SessionLost, SubscriptionLost } from './status.ts';
import { opcuaTags } from './tags.ts';

/** Sessions that may be lost in a row before the connection is given up. */
const maxLostSessions = 2;
/** What has lived so long, wall time, was not a failure. */
const steadyMs = 60_000;

export function createOpcuaSource(config: OpcuaConfig, context: SourceContext): Source {
  const { clock, log } = context;
  for (const { path } of opcuaTags(config)) idOf(path, context.tagIds);
  const memory: Memory = {
    found: new Map(),
    foundIds: new Map(),
    lastTimes: new Map(),
    gaps: createGaps(config, context),
    wasUp: false,
  };
  let current: { opcua: OpcuaSession; services: Services } | undefined;

  return {
    id: config.id,
    async *read(signal) {
      memory.wasUp = false;
      try {
        await using connection = await connectOpcua(config, context, signal);
        for (let lost = 0; ; ) {
          const begun = performance.now();
          try {
            const startedAt = clock.now();
            await using opcua = await connection.openSession();
            const onServices = (services: Services) => {
              current = { opcua, services };
            };
            try {
              for await (const reading of acquire({ config, context, opcua, memory, startedAt, onServices })) {
                yield reading;
                if (signal.aborted) return;
              }
            } catch (error) {
              throw opcua.closed.aborted ? new SessionLost(opcua.closed.reason.message, { cause: error }) : error;
            }
          } catch (error) {
            connection.closed.throwIfAborted();
            if (!(error instanceof SessionLost || error instanceof SubscriptionLost)) throw error;
            if (performance.now() - begun > steadyMs) lost = 0;
            if (++lost > maxLostSessions) {
              throw new ConnectionError(`${config.endpoint}: ${error.message}`, { cause: error });
            }
            log.warn({ source: config.id, err: error }, 'session lost; opening another');
          } finally {
            current = undefined;
          }
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    async inspect(request, signal) {
      if (request.kind !== 'opcua') throw new RejectedError('this is an OPC UA server', { reason: 'wrong-kind' });
      if (!current) throw new ConnectionError(`${config.endpoint}: no session is up`);
      const { opcua, services } = current;
      return Promise.race([inspectOver(opcua, services, request, clock), aborted(signal)]);
    },
  };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
