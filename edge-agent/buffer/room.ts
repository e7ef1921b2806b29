/**
 * Room for new samples: settled frames go first, the oldest before the others; then, where the configuration allows it, the
 * oldest frames of the lowest class, whose numbers become a gap (R17). A full disk is a smaller quota until it has room.
 */
import type Database from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import { type Ballast, ballastBytes, createBallast } from './ballast.ts';
import { keepCode, pageSize, setQuota } from './database.ts';
import type { MetaTable } from './meta.ts';
import type { Rows } from './rows.ts';

export interface RoomOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly full: 'evict' | 'stop';
  readonly now: () => TimeUs;
  /** No number beyond it has been sent. */
  readonly sent: () => number;
  /** A file that is only emptied needs no ballast. */
  readonly hasBallast: boolean;
}

/** Registering tags may go beyond the quota by so much: the tables of a hundred thousand tags. */
const registrationPages = 16_384;
const mostRowsAtATime = 256;
const lookAgainMs = 5000;
/** So much of the file may be empty before it is made smaller. */
const emptyShare = 0.25;
const emptyPages = 256;

const noBallast: Ballast = { spend: () => false, restore: () => true };

export function createRoom(db: Database.Database, meta: MetaTable, rows: Rows, options: RoomOptions) {
  const { dir, maxBytes, full, now, sent } = options;
  const ballast: Ballast = options.hasBallast ? createBallast(dir, ballastBytes(maxBytes)) : noBallast;
  /** By class, up to where everything has been evicted. */
  const evictedTo = new Map<number, number>();
  let diskFullSince: TimeUs | undefined;
  let lookedAt = performance.now();
  ballast.restore();

  const pages = (): number => db.pragma('page_count', { simple: true }) as number;
  const emptyNow = (): number => db.pragma('freelist_count', { simple: true }) as number;
  const quotaPages = (): number => db.pragma('max_page_count', { simple: true }) as number;

  /** Removes rows until some pages are empty. false when there was nothing to remove. */
  const empty = (): boolean => {
    const needed = Math.min(1024, Math.max(16, quotaPages() >> 8));
    const wanted = emptyNow() + needed;
    // A row takes a page or more, but where it is tiny: a small file must not lose most of what it has at once.
    const rowsAtATime = Math.min(mostRowsAtATime, needed);
    let found = 0;
    while (emptyNow() < wanted) {
      let evicted: readonly [keep: number, last: number] | undefined;
      const removed = meta.transact((draft) => {
        const dropped = rows.drop(draft, draft.acked, rowsAtATime);
        if (dropped > 0 || full !== 'evict') return dropped;
        evicted = evict(draft, rowsAtATime);
        return evicted ? rowsAtATime : 0;
      });
      // Only once it is committed: what was rolled back is still to be evicted.
      if (evicted) evictedTo.set(...(evicted as [number, number]));
      if (removed === 0) break;
      found += removed;
    }
    return found > 0;
  };

  const evict = (
    draft: Parameters<Rows['evict']>[0],
    most: number,
  ): readonly [keep: number, last: number] | undefined => {
    draft.sent = Math.max(draft.sent, sent());
    for (const keep of [keepCode.bulk, keepCode.normal, keepCode.critical]) {
      const last = rows.evict(draft, keep, evictedTo.get(keep) ?? 0, most, now());
      if (last !== undefined) return [keep, last];
    }
    return undefined;
  };

  const meetFullDisk = () => {
    diskFullSince ??= now();
    ballast.spend();
    // What the log has can be written over again: it needs no more room than it has.
    db.pragma('wal_checkpoint(RESTART)');
    setQuota(db, pages() * pageSize);
  };

  return {
    get diskFullSince() {
      return diskFullSince;
    },
    /** Bytes of the file. */
    bytes: (): number => pages() * pageSize,

    /** After SQLITE_FULL, whether trying again may succeed. */
    make(): boolean {
      const isAtQuota = pages() + 8 >= quotaPages();
      if (!isAtQuota || diskFullSince !== undefined) meetFullDisk();
      return empty();
    },

    /** Now and then: a disk that has room again, and a file that is mostly empty. */
    tend(): void {
      if (emptyNow() > emptyPages + emptyShare * pages()) db.pragma('incremental_vacuum(256)');
      if (performance.now() - lookedAt < lookAgainMs) return;
      lookedAt = performance.now();
      if (!ballast.restore() || diskFullSince === undefined) return;
      diskFullSince = undefined;
      setQuota(db, maxBytes);
    },

    /** With room for tables of tags beside the quota. */
    beyondQuota<T>(work: () => T): T {
      setQuota(db, maxBytes, registrationPages);
      try {
        return work();
      } finally {
        setQuota(db, diskFullSince === undefined ? maxBytes : pages() * pageSize);
      }
    },

    /** Registering may have left the quota at a larger size: see `setQuota`. */
    restoreQuota(): void {
      if (diskFullSince === undefined) setQuota(db, maxBytes);
    },
  };
}
