/** Files of the past, as people handle them: announced, received in pieces, looked at, undone. `work.ts` puts them in. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createLostTime } from '../rollup/samples/lost-time.ts';
import type { Words } from '../words.ts';
import { undoEntries } from './entry-rows.ts';
import type { Import, ImportRequest } from './import.ts';
import { importFolder, pathsIn } from './import-folder.ts';
import { type OvertakenPage, overtakenAfter } from './overtaken.ts';
import { writePiece } from './received-file.ts';
import { readRefusals } from './refusals-file.ts';
import type { RowRefusal } from './sample-row.ts';
import { refusals } from './words.ts';
import { createWork, type Work, type WorkOptions } from './work.ts';

export interface Imports extends Pick<Work, 'progress' | 'run'> {
  /** The import of that file at that site, if it is known and in force; else a new one. @throws {ImportRefused} */
  begin(request: ImportRequest, dryRun: boolean, who: string): Import;
  /** Bytes of the file from an offset; those that are there already are passed over. @throws {ImportRefused} */
  receive(id: string, offset: number, bytes: Uint8Array): Promise<Import>;
  get(id: string): Import | undefined;
  list(limit: number): readonly Import[];
  /** Full paths of the tags that it tells of; none of entries, or before it is checked. */
  tagsOf(id: string): Promise<readonly string[]>;
  refused(id: string, skip: number, limit: number): Promise<readonly RowRefusal[]>;
  /** Samples that count no more since a gateway has told of their time, among some after a number; none of entries. */
  overtaken(id: string, after: number, signal: AbortSignal): Promise<OvertakenPage>;
  /** What it brought counts no more. @throws {ImportRefused} */
  undo(id: string, why: string, who: string): Promise<Import>;
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

export interface ImportsOptions extends Omit<WorkOptions, 'folderOf'> {
  readonly dir: string;
}

const mostWaiting = 8;
const mostBytes = 4 * 1024 ** 3;

export function openImports({ dir, ...options }: ImportsOptions): Imports {
  const { log, ledger, tags, store, entries, clock } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const folderOf = (id: string) => importFolder(dir, id);
  const work = createWork({ ...options, folderOf });

  const find = (id: string): Import => {
    const found = log.get(id);
    if (!found) throw new ImportRefused(refusals.unknown(id));
    return found;
  };

  return {
    progress: work.progress,
    run: work.run,
    get: log.get,
    list: log.list,
    begin(request, dryRun, who) {
      const known = log.ofFile(request.site, request.sha256);
      // After a dry run the file is gone: it must come again.
      const isInForce = known && !['failed', 'undone', 'checked'].includes(known.state);
      if (isInForce && known.request.kind === request.kind) return known;
      if (request.bytes === 0) throw new ImportRefused(refusals.empty);
      if (request.bytes > mostBytes) throw new ImportRefused(refusals.large(mostBytes));
      if (log.inState('receiving', 'checking', 'writing').length >= mostWaiting) {
        throw new ImportRefused(refusals.many(mostWaiting));
      }
      const id = randomBytes(16).toString('hex');
      folderOf(id).make();
      const one: Import = {
        ...{ id, request, who, createdAt: clock.now(), dryRun, state: 'receiving', received: 0 },
        ...{ outcome: null, stream: null, endedAt: null, why: null },
      };
      log.keep(one, { who, what: 'import.begin' });
      return one;
    },
    async receive(id, offset, bytes) {
      const one = find(id);
      if (one.state !== 'receiving') return one;
      const { request, received } = one;
      const end = offset + bytes.length;
      if (offset > received || end > request.bytes) {
        throw new ImportRefused(refusals.offset(received, request.bytes));
      }
      if (end <= received) return one;
      await writePiece(folderOf(id).source, offset, bytes, received === 0);
      const changed: Import = { ...one, received: end, ...(end === request.bytes && { state: 'checking' }) };
      log.keep(changed);
      work.wake();
      return changed;
    },
    async tagsOf(id) {
      return find(id).stream === null ? [] : [...pathsIn(await folderOf(id).manifest()).values()];
    },
    async refused(id, skip, limit) {
      const { refused } = folderOf(id);
      return (await stat(refused).catch(() => undefined)) ? readRefusals(refused, skip, limit) : [];
    },
    async overtaken(id, after, signal) {
      const { state, stream } = find(id);
      if (stream === null || state !== 'done') return { rows: [], next: null };
      const { frames, manifest } = folderOf(id);
      const known = { tags: tags(), lost: createLostTime(ledger), reader: store.reader };
      return overtakenAfter({ file: frames, manifest: await manifest(), ...known }, after, signal);
    },
    async undo(id, why, who) {
      const one = find(id);
      if (one.state !== 'done') throw new ImportRefused(refusals.notDone(id, one.state));
      const { request, stream } = one;
      if (request.kind === 'entries') await undoEntries(entries, { site: request.site, id, who, why });
      else if (stream !== null) ledger.withdraw(stream, clock.now());
      const undone: Import = { ...one, state: 'undone', endedAt: clock.now(), why };
      log.keep(undone, { who, what: 'import.undo' });
      return undone;
    },
  };
}
