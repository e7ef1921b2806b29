/**
 * The work of imports, one after the other: what has come whole is checked row by row, and what of it is new is put in.
 * Whatever was under way when the hub ended goes on when it starts: what was taken has its numbers already.
 */
import type { Clock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Entries } from '../entries/entries.ts';
import { importAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { streamNumberOf } from '../ledger/stream-number.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import { createLostTime } from '../rollup/samples/lost-time.ts';
import type { TelemetryStore } from '../store/store.ts';
import type { Words } from '../words.ts';
import { checkSamples } from './check-samples.ts';
import { importEntries } from './entry-rows.ts';
import { faultOfTime } from './fault-of-time.ts';
import type { Import } from './import.ts';
import type { ImportFolder } from './import-folder.ts';
import type { ImportLog } from './import-log.ts';
import { UnreadableFile } from './read-csv.ts';
import { hashOf } from './received-file.ts';
import { settleFrames } from './settle-frames.ts';
import { createTurns } from './turns.ts';
import { failures, steps } from './words.ts';

export interface WorkOptions {
  folderOf(id: string): ImportFolder;
  readonly log: ImportLog;
  readonly ledger: Ledger;
  readonly tags: Ledger['tags'];
  readonly store: Pick<TelemetryStore, 'reader' | 'writer' | 'kind'>;
  readonly entries: Entries;
  zoneOf(site: string): string;
  /** Samples of this time of a site were deleted; its figures stand and cannot be made again. */
  deleted(site: string): { readonly start: TimeUs; readonly end: TimeUs } | undefined;
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly logger: { info(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly step: Words;
}

export interface Work {
  progress(id: string): Progress;
  /** There is something new to do. */
  wake(): void;
  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** A stream that somebody has taken back is filled again. */
const lookEveryMs = 60_000;

export function createWork(options: WorkOptions): Work {
  const { folderOf, log, ledger, tags, store, entries, clock, logger } = options;
  const doing = new Map<string, Progress>();
  const turns = createTurns();
  let wake = () => {};

  const change = (one: Import, now: Partial<Import>, what?: string): Import => {
    const changed = { ...one, ...now };
    log.keep(changed, what === undefined ? undefined : { who: one.who, what });
    return changed;
  };
  const end = (one: Import, now: Pick<Import, 'state'> & Partial<Import>, what: string) =>
    change(one, { ...now, endedAt: clock.now() }, what);
  const progressOf = (id: string) => (share: number, step: Words) => void doing.set(id, { share, step });

  const check = async (one: Import, signal: AbortSignal): Promise<void> => {
    const { id, request, dryRun } = one;
    if ((await hashOf(folderOf(id).source)) !== request.sha256) throw new UnreadableFile(failures.otherFile);
    const outcome = await (request.kind === 'entries' ? checkEntries(one, signal) : checkRows(one, signal));
    if (dryRun) return void end(one, { state: 'checked', outcome }, 'import.check');
    if (outcome.numbers === 0) return void end(one, { state: 'done', outcome }, 'import.end');
    const stream = streamNumberOf(importAgent(id), id);
    await write(change(one, { state: 'writing', outcome, stream }), signal);
  };

  const checkEntries = ({ id, request, who, dryRun }: Import, signal: AbortSignal) =>
    importEntries(
      {
        ...{ entries, site: request.site, folder: folderOf(id), zone: zoneOf(request), id, who, dryRun },
        progress: (rows) => progressOf(id)(rows / Math.max(1, request.rowsGuessed), steps.rows(rows)),
      },
      signal,
    );

  const checkRows = async ({ id, request, dryRun }: Import, signal: AbortSignal) => {
    const now = clock.now();
    const folder = folderOf(id);
    const { outcome, manifest } = await checkSamples(
      {
        ...{ request, id, folder, zone: zoneOf(request), tags: tags(), lost: createLostTime(ledger) },
        ...{ reader: store.reader, now, progress: progressOf(id) },
        // InfluxDB deletes by the time of measurement.
        faultOfTime: faultOfTime(
          store.kind === 'influx' ? now - options.maxAgeMs * 1000 : undefined,
          options.deleted(request.site),
        ),
      },
      signal,
    );
    if (!dryRun && outcome.numbers > 0) await folder.keepManifest(manifest);
    return outcome;
  };

  const zoneOf = ({ zone, site }: Import['request']): string => zone ?? options.zoneOf(site);

  const write = async (one: Import, signal: AbortSignal): Promise<void> => {
    const { id, stream, outcome } = one;
    const folder = folderOf(id);
    const total = outcome!.numbers;
    const manifest = await folder.manifest();
    ledger.greet(importAgent(id), helloOf(id, total), clock.now());
    ledger.keepManifest(stream!, manifest, clock.now());
    await settleFrames(
      {
        ...{ file: folder.frames, stream: stream!, ledger, writer: store.writer, now: clock.now },
        progress: (through) => progressOf(id)(0.7 + (0.3 * through) / total, steps.stored(through)),
      },
      signal,
    );
    ledger.close(stream!, clock.now());
    if (one.state === 'writing') end(one, { state: 'done' }, 'import.end');
  };

  const runOne = async (one: Import, signal: AbortSignal): Promise<void> => {
    try {
      await (one.state === 'checking' ? check(one, signal) : write(one, signal));
      folderOf(one.id).dropSource();
      turns.went(one.id);
      doing.delete(one.id);
    } catch (error) {
      if (signal.aborted) return;
      const passes = error instanceof ConnectionError || isWaitedOut(error);
      // What is in the ledger stays there, and is tried again.
      if (log.get(one.id)?.state === 'checking' && !passes) {
        const isFile = error instanceof UnreadableFile;
        if (!isFile) logger.error({ err: error, import: one.id }, 'an import failed');
        end(one, { state: 'failed', why: isFile ? error.said : failures.ofHub }, 'import.fail');
        doing.delete(one.id);
        return;
      }
      const waitMs = turns.failed(one.id);
      logger.error({ err: error, import: one.id, waitMs }, 'an import failed; it is tried again');
      doing.set(one.id, { share: doing.get(one.id)?.share ?? 0, step: steps.waiting(waitMs) });
    }
  };

  /** In the ledger, and not all of them settled any more. */
  const goneBack = (): Import[] => {
    const streams = new Map(ledger.streams().map((stream) => [stream.number, stream]));
    return log.inState('done', 'undone').filter(({ stream, outcome }) => {
      const known = stream === null ? undefined : streams.get(stream);
      return known !== undefined && known.through < outcome!.numbers;
    });
  };

  const untilWoken = async (signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(resolve, Math.min(lookEveryMs, turns.untilMs));
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
  };

  return {
    progress: (id) => doing.get(id) ?? { share: 0, step: steps.none },
    wake: () => wake(),
    async run(signal) {
      while (!signal.aborted) {
        const next = turns.next([...log.inState('checking', 'writing').reverse(), ...goneBack()]);
        if (!next) await untilWoken(signal);
        else {
          logger.info({ import: next.id, state: next.state }, 'an import is under way');
          await runOne(next, signal);
        }
      }
    },
  };
}

/** All there ever is of its stream; nothing of it is kept anywhere else. */
const helloOf = (id: string, numbers: number) => ({
  ...{ epoch: id, bootId: 'import', minRetained: 1, next: numbers + 1, acked: 0, manifestRevision: 1 },
  ...{ version: 'import', final: true as const },
});
