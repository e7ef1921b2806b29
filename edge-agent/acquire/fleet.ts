/** The sources of an agent, each supervised on its own: started, stopped and exchanged without touching the others. */
import type { Clock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import type { ReadSecret } from '../../protocols/secret.ts';
import type { Source } from '../../protocols/source.ts';
import type { Buffer } from '../buffer/buffer.ts';
import type { Acceptor } from './accept.ts';
import { createSourceHealth, type SourceHealth } from './health.ts';
import { createSampler, reportingOf, type Sampler } from './sampler.ts';
import { createSource, type SourceConfig, tagsOf } from './sources.ts';
import { type SourceState, superviseSource } from './supervise.ts';
import type { BookedTag, TagBook } from './tag-book.ts';

export interface SourceRun {
  readonly config: SourceConfig;
  readonly sampler: Sampler;
  readonly health: SourceHealth;
  /** undefined where it could not even be made. */
  readonly source: Source | undefined;
  readonly state: SourceState;
}

export interface Fleet extends AsyncDisposable {
  /**
   * From now on these are to run; those in `restart` and those that are new are made anew, the rest is left alone.
   * Resolves when all have been exchanged. One that cannot be made is down with its error, and no other.
   */
  run(sources: readonly SourceConfig[], restart: ReadonlySet<string>): Promise<void>;
  readonly runs: ReadonlyMap<string, SourceRun>;
  /** Rejects when a source fails by a fault of ours. */
  readonly failed: Promise<never>;
}

export interface FleetOptions {
  readonly book: TagBook;
  readonly buffer: Pick<Buffer, 'acceptedUntil'>;
  readonly acceptor: Pick<Acceptor, 'add'>;
  readonly clock: Clock;
  readonly secret: ReadSecret;
  readonly dataDir: string;
  readonly healthIntervalMs: number;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

interface Running extends SourceRun {
  state: SourceState;
  readonly stop: AbortController;
  ended: Promise<void>;
}

export function createFleet(options: FleetOptions, end: AbortSignal): Fleet {
  const { book, buffer, acceptor, clock, secret, dataDir, healthIntervalMs, log } = options;
  const wanted = new Map<string, SourceConfig>();
  const running = new Map<string, Running>();
  /** Of each source one exchange after the other. */
  const exchanges = new Map<string, Promise<void>>();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});

  const stop = async (id: string): Promise<void> => {
    const run = running.get(id);
    if (!run) return;
    run.stop.abort();
    await run.ended;
    if (wanted.has(id)) run.state = { state: 'connecting', since: clock.now() };
    else running.delete(id);
  };

  const start = async (config: SourceConfig): Promise<void> => {
    const { id } = config;
    // Another configuration has been registered meanwhile: its own turn comes next.
    if (!tagsOf(config).every(({ path }) => book.ids.has(path))) return;
    const stop = new AbortController();
    const sampler = createSampler(reportingsOf(book.tagsOf(id)), clock.now);
    const declare = async (found: Parameters<TagBook['declareFound']>[1]) => {
      if (stop.signal.aborted) throw new ConnectionError('this source has been stopped');
      const ids = await book.declareFound(id, found);
      sampler.addTags(reportingsOf(book.tagsOf(id)));
      return ids;
    };
    const context = { tagIds: book.ids, declare, acceptedUntil: buffer.acceptedUntil, secret, clock, log, dataDir };
    const health = createSourceHealth(id, book.ids, healthIntervalMs);
    const made = await createSource(config, context).catch((error: Error) => {
      if (!(error instanceof ConfigError)) throw error;
      log.error({ source: id, err: error, at: error.path, hint: error.hint }, 'source cannot be made');
      return error;
    });
    const isMade = !(made instanceof Error);
    const run: Running = {
      config,
      sampler,
      health,
      source: isMade ? made : undefined,
      state: { state: isMade ? 'connecting' : 'down', since: clock.now(), error: isMade ? undefined : made },
      stop,
      ended: Promise.resolve(),
    };
    running.set(id, run);
    if (!isMade) return;
    const onState = (state: SourceState) => {
      run.state = state;
    };
    const signal = AbortSignal.any([end, stop.signal]);
    run.ended = superviseSource({ source: made, sampler, health, acceptor, clock, log, onState }, signal).catch(
      failure.reject,
    );
  };

  /** Whatever is wanted when its turn comes: what was asked for in between is skipped. */
  const exchange = (id: string): Promise<void> => {
    const done = (exchanges.get(id) ?? Promise.resolve()).then(async () => {
      await stop(id);
      const config = wanted.get(id);
      if (config && !end.aborted) await start(config);
    });
    exchanges.set(
      id,
      done.catch((error) => {
        failure.reject(error);
      }),
    );
    return done;
  };

  return {
    runs: running,
    failed: failure.promise,
    async run(sources, restart) {
      const before = new Set(wanted.keys());
      wanted.clear();
      for (const config of sources) wanted.set(config.id, config);
      const gone = [...before].filter((id) => !wanted.has(id));
      const anew = [...wanted.keys()].filter((id) => !before.has(id) || restart.has(id));
      await Promise.all([...gone, ...anew].map(exchange));
    },
    async [Symbol.asyncDispose]() {
      wanted.clear();
      await Promise.all([...running.keys()].map(exchange));
    },
  };
}

const reportingsOf = (tags: readonly BookedTag[]) => new Map(tags.map((tag) => [tag.id, reportingOf(tag)]));
