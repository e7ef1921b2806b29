/** Runs one source for ever: reads, hands on, and when the connection is lost waits longer and longer, with jitter. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../protocols/clock.ts';
import { ConnectionError } from '../protocols/errors.ts';
import type { Source } from '../protocols/source.ts';
import type { Acceptor } from './accept.ts';
import type { SourceHealth } from './health.ts';
import type { Sampler } from './sampler.ts';

export interface SuperviseOptions {
  readonly source: Source;
  readonly sampler: Sampler;
  readonly health: SourceHealth;
  readonly acceptor: Pick<Acceptor, 'add'>;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const firstRetryMs = 1000;
const longestRetryMs = 60_000;

/** Resolves when the signal aborts. @throws what is not a ConnectionError: a fault of ours. */
export async function superviseSource(options: SuperviseOptions, signal: AbortSignal): Promise<void> {
  const { source, sampler, health, acceptor, clock, log } = options;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      for await (const reading of source.read(signal)) {
        if (!health.up) {
          log.info({ source: source.id, failures }, 'source connected');
          failures = 0;
          sampler.reset();
        }
        const samples = sampler.take(reading.samples);
        await acceptor.add([...samples, ...health.after(reading, clock.now())]);
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (health.up || failures === 0) log.warn({ source: source.id, err: error }, 'source lost; trying again');
    } finally {
      await acceptor.add(health.ended(clock.now()));
    }
    const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
    await delay(longest / 2 + Math.random() * (longest / 2), undefined, { signal }).catch(() => {});
  }
}
