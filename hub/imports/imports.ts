/**
 * The life of imports: a file is received in pieces, checked row by row, and what of it is new is put in, one import after
 * the other. Whatever was under way when the hub ended goes on when it starts: what was taken has its numbers already.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import type { Manifest } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Entries } from '../entries/entries.ts';
import { importAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { streamNumberOf } from '../ledger/stream-number.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import { createLostTime } from '../rollup/samples/lost-time.ts';
import type { TelemetryStore } from '../store/store.ts';
import { inLanguage, type Words } from '../words.ts';
import { checkSamples } from './check-samples.ts';
import { importEntries, undoEntries } from './entry-rows.ts';
import { faultOfTime } from './fault-of-time.ts';
import type { Import, ImportRequest, ImportState } from './import.ts';
import type { ImportLog } from './import-log.ts';
import { type OvertakenPage, overtakenAfter } from './overtaken.ts';
import { UnreadableFile } from './read-csv.ts';
import { hashOf, writePiece } from './received-file.ts';
import { readRefusals } from './refusals-file.ts';
import type { RowRefusal } from './sample-row.ts';
import { settleFrames } from './settle-frames.ts';
import { createTurns } from './turns.ts';
import { failures, refusals, steps } from './words.ts';

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly step: Words;
}

export interface Imports {
  /** The import of that file at that site, if it is known and in force; else a new one. @throws {ImportRefused} */
  begin(request: ImportRequest, dryRun: boolean, who: string): Import;
  /** Bytes of the file from an offset; those that are there already are passed over. @throws {ImportRefused} */
  receive(id: string, offset: number, bytes: Uint8Array): Promise<Import>;
  get(id: string): Import | undefined;
  list(limit: number): readonly Import[];
  progress(id: string): Progress;
  refused(id: string, skip: number, limit: number): Promise<readonly RowRefusal[]>;
  /** Samples that count no more since a gateway has told of their time, among some after a number; none of entries. */
  overtaken(id: string, after: number, signal: AbortSignal): Promise<OvertakenPage>;
  /** What it brought counts no more. @throws {ImportRefused} */
  undo(id: string, why: string, who: string): Promise<Import>;
  /** Until the signal aborts; only while ledger and store agree. */
  run(signal: AbortSignal): Promise<void>;
}

/** The message says what to do. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';
  readonly said: Words;
  constructor(said: Words) {
    super(said.en);
    this.said = said;
  }
}

export interface ImportsOptions {
  readonly dir: string;
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

const mostWaiting = 8;
const mostBytes = 4 * 1024 ** 3;
/** A stream that somebody has taken back is filled again. */
const lookEveryMs = 60_000;

export function openImports(options: ImportsOptions): Imports {
  const { dir, log, ledger, tags, store, entries, clock, logger } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const doing = new Map<string, Progress>();
  const turns = createTurns();
  let wake = () => {};

  const folder = (id: string) => join(dir, id);
  const find = (id: string): Import => {
    const found = log.get(id);
    if (!found) throw new ImportRefused(refusals.unknown(id));
    return found;
  };
  const told = ({ request, dryRun }: Import) => {
    const { kind, format, name, bytes, sha256 } = request;
    return { kind, format, name, bytes, sha256, dryRun };
  };
  const change = (one: Import, now: Partial<Import>, what?: string): Import => {
    const changed = { ...one, ...now };
    const { outcome, why } = changed;
    const details = {
      ...told(changed),
      ...(outcome && { outcome: { ...outcome, refused: { ...outcome.refused } } }),
      why: why && inLanguage(why, 'en'),
    };
    log.keep(changed, what === undefined ? undefined : { who: changed.who, what, details });
    return changed;
  };
  const manifestOf = async (id: string): Promise<Manifest> =>
    JSON.parse(await readFile(join(folder(id), 'manifest.json'), 'utf8'));
  const inState = (...states: ImportState[]) => log.list(10_000).filter(({ state }) => states.includes(state));

  const check = async (one: Import, signal: AbortSignal): Promise<void> => {
    const { id, request, who, dryRun } = one;
    const source = join(folder(id), 'source');
    if ((await hashOf(source)) !== request.sha256) {
      throw new UnreadableFile(failures.otherFile);
    }
    const zone = request.zone ?? options.zoneOf(request.site);
    const progress = (share: number, step: Words) => void doing.set(id, { share, step });
    if (request.kind === 'entries') {
      const common = { entries, site: request.site, dir: folder(id), zone, id, who };
      const outcome = await importEntries(
        { ...common, dryRun, progress: (rows) => progress(rows / Math.max(1, request.rowsGuessed), steps.rows(rows)) },
        signal,
      );
      return void change(one, ended(dryRun ? 'checked' : 'done', { outcome }), dryRun ? 'import.check' : 'import.end');
    }
    const now = clock.now();
    const { outcome, manifest } = await checkSamples(
      {
        ...{
          request,
          id,
          dir: folder(id),
          zone,
          tags: tags(),
          lost: createLostTime(ledger),
          reader: store.reader,
          now,
        },
        // InfluxDB deletes by the time of measurement.
        faultOfTime: faultOfTime(
          store.kind === 'influx' ? now - options.maxAgeMs * 1000 : undefined,
          options.deleted(request.site),
        ),
        progress,
      },
      signal,
    );
    if (dryRun) return void change(one, ended('checked', { outcome }), 'import.check');
    if (outcome.numbers === 0) return void change(one, ended('done', { outcome }), 'import.end');
    await writeFile(join(folder(id), 'manifest.json'), JSON.stringify(manifest), { mode: 0o600, flush: true });
    const stream = streamNumberOf(importAgent(id), id);
    await write(change(one, { state: 'writing', outcome, stream }), signal);
  };

  const write = async (one: Import, signal: AbortSignal): Promise<void> => {
    const { id, stream, outcome } = one;
    const total = outcome!.numbers;
    const manifest = await manifestOf(id);
    ledger.greet(importAgent(id), helloOf(id, total), clock.now());
    ledger.keepManifest(stream!, manifest, clock.now());
    await settleFrames(
      {
        ...{ file: join(folder(id), 'frames'), stream: stream!, ledger, writer: store.writer, now: clock.now },
        progress: (through) =>
          void doing.set(id, { share: 0.7 + (0.3 * through) / total, step: steps.stored(through) }),
      },
      signal,
    );
    ledger.close(stream!, clock.now());
    if (one.state === 'writing') change(one, ended('done', {}), 'import.end');
  };

  const ended = (state: ImportState, more: Partial<Import>): Partial<Import> => ({
    ...more,
    state,
    endedAt: clock.now(),
  });

  const runOne = async (one: Import, signal: AbortSignal): Promise<void> => {
    try {
      await (one.state === 'checking' ? check(one, signal) : write(one, signal));
      rmSync(join(folder(one.id), 'source'), { force: true });
      turns.went(one.id);
      doing.delete(one.id);
    } catch (error) {
      if (signal.aborted) return;
      const passes = error instanceof ConnectionError || isWaitedOut(error);
      // What is in the ledger stays there, and is tried again.
      if (log.get(one.id)?.state === 'checking' && !passes) {
        const isFile = error instanceof UnreadableFile;
        if (!isFile) logger.error({ err: error, import: one.id }, 'an import failed');
        change(one, ended('failed', { why: isFile ? error.said : failures.ofHub }), 'import.fail');
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
    return inState('done', 'undone').filter(({ stream, outcome }) => {
      const known = stream === null ? undefined : streams.get(stream);
      return known !== undefined && known.through < outcome!.numbers;
    });
  };

  return {
    begin(request, dryRun, who) {
      const known = log.ofFile(request.site, request.sha256);
      if (known && known.state !== 'failed' && known.state !== 'undone' && known.request.kind === request.kind) {
        if (known.state !== 'checked') return known;
        // The dry run's file is gone, so that it must come again.
      }
      if (request.bytes === 0) throw new ImportRefused(refusals.empty);
      if (request.bytes > mostBytes) throw new ImportRefused(refusals.large(mostBytes));
      if (inState('receiving', 'checking', 'writing').length >= mostWaiting) {
        throw new ImportRefused(refusals.many(mostWaiting));
      }
      const id = randomBytes(16).toString('hex');
      mkdirSync(folder(id), { mode: 0o700 });
      const one: Import = {
        ...{ id, request, who, createdAt: clock.now(), dryRun, state: 'receiving', received: 0 },
        ...{ outcome: null, stream: null, endedAt: null, why: null },
      };
      return change(one, {}, 'import.begin');
    },
    async receive(id, offset, bytes) {
      const one = find(id);
      if (one.state !== 'receiving') return one;
      const { request } = one;
      const end = offset + bytes.length;
      if (offset > one.received || end > request.bytes) {
        throw new ImportRefused(refusals.offset(one.received, request.bytes));
      }
      if (end <= one.received) return one;
      await writePiece(join(folder(id), 'source'), offset, bytes, one.received === 0);
      const changed = change(one, { received: end, ...(end === request.bytes && { state: 'checking' }) });
      wake();
      return changed;
    },
    get: (id) => log.get(id),
    list: (limit) => log.list(limit),
    progress: (id) => doing.get(id) ?? { share: 0, step: steps.none },
    async refused(id, skip, limit) {
      const path = join(folder(id), 'refused');
      return (await stat(path).catch(() => undefined)) ? readRefusals(path, skip, limit) : [];
    },
    async overtaken(id, after, signal) {
      const { state, stream } = find(id);
      if (stream === null || state !== 'done') return { rows: [], next: null };
      const files = { file: join(folder(id), 'frames'), manifest: await manifestOf(id) };
      const known = { tags: tags(), lost: createLostTime(ledger), reader: store.reader };
      return overtakenAfter({ ...files, ...known }, after, signal);
    },
    async undo(id, why, who) {
      const one = find(id);
      if (one.state !== 'done') throw new ImportRefused(refusals.notDone(id, one.state));
      const { request, stream } = one;
      if (request.kind === 'entries') await undoEntries(entries, { site: request.site, id, who, why });
      else if (stream !== null) ledger.withdraw(stream, clock.now());
      const changed = { ...one, state: 'undone' as const, endedAt: clock.now(), why };
      log.keep(changed, { who, what: 'import.undo', details: { ...told(one), why } });
      return changed;
    },
    async run(signal) {
      while (!signal.aborted) {
        const next = turns.next([...inState('checking', 'writing').reverse(), ...goneBack()]);
        if (!next) await untilWoken(signal);
        else {
          logger.info({ import: next.id, state: next.state }, 'an import is under way');
          await runOne(next, signal);
        }
      }
    },
  };

  async function untilWoken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = setTimeout(resolve, Math.min(lookEveryMs, turns.untilMs));
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
  }
}

/** All there ever is of its stream; nothing of it is kept anywhere else. */
const helloOf = (id: string, numbers: number) => ({
  ...{ epoch: id, bootId: 'import', minRetained: 1, next: numbers + 1, acked: 0, manifestRevision: 1 },
  ...{ version: 'import', final: true as const },
});
