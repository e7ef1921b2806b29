/**
 * A changed configuration taken over while the agent runs: loaded and checked first, then applied by difference. One that
 * is wrong changes nothing; the one before runs on, and the report says why.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { diffSources, type SourceDifference, waitingForStart } from '../config/difference.ts';
import type { AgentConfig, keysOfStart } from '../config/schema.ts';
import type { Fleet } from './fleet.ts';
import { tagsOf } from './sources.ts';
import type { TagBook } from './tag-book.ts';

export interface KeptVersion {
  readonly number: number;
  /** SHA-256 of its files. */
  readonly hash: string;
}

/** Where the configuration comes from, and where its versions are kept. */
export interface Configuration {
  /** As it was named on the command line. */
  readonly file: string;
  /** @throws {ConfigError} */
  load(): AgentConfig;
  /** Keeps what was loaded last, as `config list` shows it. Content that is the newest already has its number. */
  keep(now: TimeUs): KeptVersion;
  /** Calls back whenever it may have changed, until the signal aborts; when it was refused, again and again. */
  watch(onChange: () => Promise<unknown>, signal: AbortSignal): void;
}

export interface Reloaded extends SourceDifference {
  readonly version: number;
  /** Keys whose change waits for the next start. */
  readonly needsRestart: readonly string[];
}

/** What runs, as the agent's report tells it. */
export interface ConfigReport {
  readonly file: string;
  /** Number of the version that runs, as `config list` shows it. */
  readonly version: number;
  /** SHA-256 of its files, as there; empty where no version could be kept. */
  readonly hash: string;
  readonly appliedAt: TimeUs;
  /** Why the file as it now is was not taken; the version above runs on. */
  readonly refused?: { readonly message: string; readonly path: string; readonly hint: string } | undefined;
}

export interface Reloader {
  /** @throws {ConfigError} the file is refused, and the one before runs on. */
  reload(): Promise<Reloaded>;
  /** What runs. */
  readonly config: AgentConfig;
  readonly report: ConfigReport;
  readonly needsRestart: readonly string[];
}

export interface ReloaderOptions {
  readonly configuration: Configuration;
  readonly config: AgentConfig;
  readonly book: TagBook;
  readonly fleet: Fleet;
  readonly now: () => TimeUs;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** A source that waits for a full disk ends later; whoever asked is answered before. */
const answerMs = 10_000;

export function createReloader(options: ReloaderOptions): Reloader {
  const { configuration, book, fleet, now, log } = options;
  /** With which the process was started: what cannot change while it runs is still of this one. */
  const atStart = options.config;
  const { agent, dataDir, broker, buffer, acceptance, health, status } = atStart;
  const ofStart: Pick<AgentConfig, (typeof keysOfStart)[number]> = {
    agent,
    dataDir,
    broker,
    buffer,
    acceptance,
    health,
    status,
  };
  let { config } = options;
  let needsRestart: readonly string[] = [];
  let kept: KeptVersion = { number: 0, hash: '' };
  kept = keep();
  let appliedAt = now();
  let refused: ConfigReport['refused'];

  function keep(): KeptVersion {
    try {
      return configuration.keep(now());
    } catch (err) {
      log.error({ err }, 'this version of the configuration could not be kept');
      return kept;
    }
  }

  const apply = async (): Promise<Reloaded> => {
    const wanted = configuration.load();
    const difference = diffSources(config.sources, wanted.sources);
    const restart = new Set(difference.restarted);
    const declared = wanted.sources.map((source) => ({ id: source.id, tags: tagsOf(source) }));
    await book.configure(wanted.site, declared, restart);
    config = { ...wanted, ...ofStart };
    needsRestart = waitingForStart(atStart, wanted);
    const before = kept.number;
    const wasRefused = refused !== undefined;
    kept = keep();
    const version = kept.number;
    appliedAt = version === before ? appliedAt : now();
    refused = undefined;
    const exchanged = fleet.run(wanted.sources, restart);
    const patience = new AbortController();
    await Promise.race([exchanged, delay(answerMs, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    if (version !== before || wasRefused) {
      log.info({ version, ...difference, needsRestart }, 'configuration taken over');
    }
    return { version, ...difference, needsRestart };
  };

  const refuse = (error: unknown): never => {
    if (!(error instanceof ConfigError)) {
      log.error({ err: error }, 'configuration could not be taken over');
      throw error;
    }
    const { message, path, hint } = error;
    if (refused?.message !== message || refused.path !== path) {
      log.error(
        { file: configuration.file, message, at: path, hint, version: kept.number },
        'configuration refused; the one before runs on',
      );
    }
    refused = { message, path, hint };
    throw error;
  };

  /** One after the other. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    reload() {
      const done = last.then(apply).catch(refuse);
      last = done.catch(() => {});
      return done;
    },
    get config() {
      return config;
    },
    get report() {
      return { file: configuration.file, version: kept.number, hash: kept.hash, appliedAt, refused };
    },
    get needsRestart() {
      return needsRestart;
    },
  };
}
