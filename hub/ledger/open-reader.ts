/** The ledger of another process, read only: what it shows is as of the moment of asking. */
import type { Database } from 'better-sqlite3';
import { ConfigError } from '../../protocols/errors.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import { openToRead, refuseNewerFile } from '../../protocols/sqlite/versioned-file.ts';
import { collectTags, tagsById } from './known-tags.ts';
import type { DeclaredStream, KnownTag, LedgerReader, Quarantine, Stream } from './ledger.ts';
import { type LedgerRows, readRows, toStream } from './rows.ts';
import { layoutVersion } from './schema.ts';
import { prepareTagLives, type TagLifeRows } from './tag-lives.ts';

interface Snapshot {
  readonly version: unknown;
  readonly streams: readonly Stream[];
  readonly byIdentity: ReadonlyMap<string, Stream>;
  readonly declared: ReadonlyMap<number, DeclaredStream & { readonly revision: number }>;
  readonly quarantines: ReadonlyMap<string, Quarantine>;
  tags: readonly KnownTag[] | undefined;
}

export interface OtherLedger extends LedgerReader, Disposable {
  readonly file: string;
}

/** The file may come later: until then there is nothing in it. @throws {ConfigError} it is a newer program's. */
export function openLedgerReader(file: string): OtherLedger {
  refuseNewerFile(file, layoutVersion);
  let db: Database | undefined;
  let rows: LedgerRows | undefined;
  let lives: TagLifeRows | undefined;
  let known: Snapshot | undefined;

  const open = (): LedgerRows | undefined => {
    if (rows) return rows;
    try {
      db = openToRead(file, layoutVersion, 1000);
      lives = prepareTagLives(db);
      rows = readRows(db);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      // Not there, or just being made.
      db?.close();
      db = undefined;
    }
    return rows;
  };

  const look = (): Snapshot => {
    const source = open();
    const version = db?.pragma('data_version', { simple: true });
    if (known && known.version === version) return known;
    const streams = source?.streams().map(toStream) ?? [];
    const declared = new Map(
      streams.map((stream) => {
        const before = known?.declared.get(stream.number);
        const own = { stream, lives: lives!.of(stream.number) };
        if (before && before.revision === stream.manifestRevision) return [stream.number, { ...before, ...own }];
        const manifest = source!.manifest(stream.number);
        const tags: ReadonlyMap<number, ManifestTag> = manifest ? tagsById(manifest) : new Map();
        return [stream.number, { ...own, revision: stream.manifestRevision, site: manifest?.site ?? '', tags }];
      }),
    );
    known = {
      version,
      streams,
      declared,
      byIdentity: new Map(streams.map((stream) => [`${stream.agent} ${stream.epoch}`, stream])),
      quarantines: new Map(source?.quarantines().map((entry) => [entry.agent, entry])),
      tags: undefined,
    };
    return known;
  };

  return {
    file,
    get id() {
      return open()?.id() ?? '';
    },
    streams: () => look().streams,
    stream: (agent, epoch) => look().byIdentity.get(`${agent} ${epoch}`),
    declared: () => [...look().declared.values()],
    tagsOf: (stream) => look().declared.get(stream)?.tags ?? new Map(),
    tags() {
      const snapshot = look();
      snapshot.tags ??= collectTags(snapshot.declared.values());
      return snapshot.tags;
    },
    quarantines: () => look().quarantines,
    batches: (stream, after, limit) => open()?.batches(stream, after, limit) ?? [],
    batchAt: (stream, number) => open()?.batchAt(stream, number),
    frameAt: (stream, number) => open()?.frameAt(stream, number),
    deadLetters: (stream, after, limit) => open()?.deadLetters(stream, after, limit) ?? [],
    gaps: (stream) => open()?.gaps(stream) ?? [],
    gapCount: (stream) => open()?.gapCount(stream) ?? 0,
    elsewhere: (stream) => open()?.elsewhere(stream) ?? [],
    [Symbol.dispose]: () => void db?.close(),
  };
}
