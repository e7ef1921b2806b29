/** The few values of a buffer's file that are not rows. They are changed in a draft, and become true with its transaction. */
import { createHash, randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { Fingerprint } from '../../protocols/fingerprint.ts';

/**
 * Numbers in the file go on for ever; on the wire they begin anew with each epoch, after `offset`. No number beyond `sent`
 * has ever been sent. `frames` are rows; `pending` is the bytes of those that are not acknowledged.
 */
export interface Meta {
  epoch: string;
  offset: number;
  next: number;
  acked: number;
  sent: number;
  revision: number;
  site: string | undefined;
  frames: number;
  pending: number;
  evicted: number;
  corrupt: number;
  /** µs; 0 is never. */
  regressedAt: number;
}

export interface MetaTable {
  /** As of the last transaction. */
  readonly now: Readonly<Meta>;
  /** Runs the work and what it changes in the draft as one transaction, or not at all. */
  transact<T>(work: (draft: Meta) => T): T;
}

export const newEpoch = (): string => randomBytes(16).toString('hex');

/**
 * The epoch that begins with this frame of another one. The same for every image of a file that comes to it, so that what
 * one of them has sent in it is known when another does.
 */
export const epochFrom = (epoch: string, { last, acceptedAt, content }: Fingerprint): string =>
  createHash('sha256').update(`${epoch} ${last} ${acceptedAt} ${content}`).digest('hex').slice(0, 32);

/** As it stands in a file, changing nothing. */
export function readMeta(db: Database.Database): Meta {
  const rows = db.prepare<[], [string, unknown]>('SELECT key, value FROM meta').raw().all();
  return { ...empty, ...Object.fromEntries(rows) };
}

const empty: Meta = {
  epoch: '',
  offset: 0,
  next: 1,
  acked: 0,
  sent: 0,
  revision: 0,
  site: undefined,
  frames: 0,
  pending: 0,
  evicted: 0,
  corrupt: 0,
  regressedAt: 0,
};

export function openMeta(db: Database.Database): MetaTable {
  const write = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value');
  const now = readMeta(db);
  const keys = Object.keys(now) as (keyof Meta)[];
  const run = db.transaction((work: (draft: Meta) => unknown, draft: Meta) => {
    const result = work(draft);
    for (const key of keys) if (draft[key] !== now[key]) write.run(key, draft[key]);
    return result;
  });
  const transact = <T>(work: (draft: Meta) => T): T => {
    const draft = { ...now };
    const result = run(work, draft) as T;
    Object.assign(now, draft);
    return result;
  };
  if (now.epoch === '') {
    transact((draft) => {
      draft.epoch = newEpoch();
      // Written so that whoever reads the file finds them.
      write.run('next', draft.next);
      write.run('acked', draft.acked);
    });
  }
  return { now, transact };
}
