/**
 * The life of imports: a file is received in pieces, checked row by row, and what of it is new is put in, one import after
 * the other. Whatever was under way when the hub ended goes on when it starts: what was taken has its numbers already.
 */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, rmSync } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocols/clock.ts';
import type { Manifest } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Entries } from '../entries/entries.ts';
import { importAgent } from '../ledger/imported.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { streamNumberOf } from '../ledger/stream-number.ts';
import { createLostTime } from '../rollup/samples/lost-time.ts';
import type { TelemetryStore } from '../store/store.ts';
import { checkSamples } from './check-samples.ts';
import { importEntries, undoEntries } from './entry-rows.ts';
import type { Import, ImportRequest, ImportState } from './import.ts';
import type { ImportLog } from './import-log.ts';
import { UnreadableFile } from './read-csv.ts';
import { readRefusals } from './refusals-file.ts';
import type { RowRefusal } from './sample-row.ts';
import { settleFrames } from './settle-frames.ts';

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly step: string;
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
  /** What it brought counts no more. @throws {ImportRefused} */
  undo(id: string, why: string, who: string): Promise<Import>;
  /** Until the signal aborts; only while ledger and store agree. */
  run(signal: AbortSignal): Promise<void>;
}

/** The message says what to do. */
export class ImportRefused extends Error {
  override readonly name = 'ImportRefused';
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
/** Clocks that were never set begin before it. */
const earliest: TimeUs = 946_684_800_000_000;

export function openImports(options: ImportsOptions): Imports {
  const { dir, log, ledger, tags, store, entries, clock, logger } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const doing = new Map<string, Progress>();
  let wake = () => {};

  const folder = (id: string) => join(dir, id);
  const find = (id: string): Import => {
    const found = log.get(id);
    if (!found) throw new ImportRefused(`there is no import ${id}`);
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
      why,
    };
    log.keep(changed, what === undefined ? undefined : { who: changed.who, what, details });
    return changed;
  };
  const inState = (...states: ImportState[]) => log.list(10_000).filter(({ state }) => states.includes(state));

  const faultOfTime = (site: string, now: TimeUs) => {
    const deleted = options.deleted(site);
    // InfluxDB deletes by the time of measurement.
    const oldest = store.kind === 'influx' ? now - options.maxAgeMs * 1000 : earliest;
    return (time: TimeUs): readonly [string, string] | undefined => {
      if (time < earliest) return ['too old', 'lies before the year 2000: no clock was right'];
      if (time < oldest)
        return ['retention', 'is older than samples are kept: raise retention.rawDays of the hub first'];
      if (deleted && deleted.start <= time && time < deleted.end) {
        return ['deleted', 'lies in time whose samples retention has deleted: figures of it can no more be made again'];
      }
      return undefined;
    };
  };

  const check = async (one: Import, signal: AbortSignal): Promise<void> => {
    const { id, request, who, dryRun } = one;
    const source = join(folder(id), 'source');
    if ((await hashOf(source)) !== request.sha256) {
      throw new UnreadableFile('the file that came is not the one that was announced: import it again');
    }
    const zone = request.zone ?? options.zoneOf(request.site);
    const progress = (share: number, step: string) => void doing.set(id, { share, step });
    if (request.kind === 'entries') {
      const common = { entries, site: request.site, dir: folder(id), zone, id, who };
      const outcome = await importEntries(
        { ...common, dryRun, progress: (rows) => progress(rows / Math.max(1, request.rowsGuessed), `${rows} rows`) },
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
        faultOfTime: faultOfTime(request.site, now),
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
    const manifest: Manifest = JSON.parse(await readFile(join(folder(id), 'manifest.json'), 'utf8'));
    ledger.greet(importAgent(id), helloOf(id, total), clock.now());
    ledger.keepManifest(stream!, manifest, clock.now());
    await settleFrames(
      {
        ...{ file: join(folder(id), 'frames'), stream: stream!, ledger, writer: store.writer, now: clock.now },
        progress: (through) => void doing.set(id, { share: 0.7 + (0.3 * through) / total, step: `${through} stored` }),
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
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UnreadableFile)) logger.error({ err: error, import: one.id }, 'an import failed');
      const why = error instanceof UnreadableFile ? error.message : 'the hub failed; its log says why';
      // What is in the ledger stays there, and is tried again with the next start.
      if (log.get(one.id)?.state === 'checking') change(one, ended('failed', { why }), 'import.fail');
      else await untilWoken(signal);
    } finally {
      doing.delete(one.id);
    }
  };

  /** In the ledger, and not all of it settled any more. */
  const goneBack = (): Import | undefined => {
    const streams = new Map(ledger.streams().map((stream) => [stream.number, stream]));
    return inState('done', 'undone').find(({ stream, outcome }) => {
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
      if (request.bytes === 0) throw new ImportRefused('the file is empty');
      if (request.bytes > mostBytes)
        throw new ImportRefused(`the file is larger than ${mostBytes} bytes: import it in parts`);
      if (inState('receiving', 'checking', 'writing').length >= mostWaiting) {
        throw new ImportRefused(`${mostWaiting} imports are under way: try again when some are done`);
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
        throw new ImportRefused(`the file has come up to byte ${one.received} of ${request.bytes}: go on from there`);
      }
      if (end <= one.received) return one;
      await using file = await open(join(folder(id), 'source'), one.received === 0 ? 'w' : 'r+', 0o600);
      await file.write(bytes, 0, bytes.length, offset);
      await file.sync();
      const changed = change(one, { received: end, ...(end === request.bytes && { state: 'checking' }) });
      wake();
      return changed;
    },
    get: (id) => log.get(id),
    list: (limit) => log.list(limit),
    progress: (id) => doing.get(id) ?? { share: 0, step: '' },
    async refused(id, skip, limit) {
      const path = join(folder(id), 'refused');
      return (await stat(path).catch(() => undefined)) ? readRefusals(path, skip, limit) : [];
    },
    async undo(id, why, who) {
      const one = find(id);
      if (one.state !== 'done')
        throw new ImportRefused(`import ${id} is ${one.state}: only one that is done can be undone`);
      const { request, stream } = one;
      if (request.kind === 'entries') await undoEntries(entries, { site: request.site, id, who, why });
      else if (stream !== null) ledger.withdraw(stream, clock.now());
      const changed = { ...one, state: 'undone' as const, endedAt: clock.now(), why };
      log.keep(changed, { who, what: 'import.undo', details: { ...told(one), why } });
      return changed;
    },
    async run(signal) {
      while (!signal.aborted) {
        const next = inState('checking', 'writing').at(-1) ?? goneBack();
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
    const timer = setTimeout(resolve, lookEveryMs);
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

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest('hex');
}
