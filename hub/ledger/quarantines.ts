/** Agents of which nothing is taken. It holds at once, and is durable as soon as the disk takes it: a copy speaks again. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Quarantine } from './ledger.ts';
import type { Unsaved } from './unsaved.ts';

export interface Quarantines {
  readonly list: ReadonlyMap<string, Quarantine>;
  begin(agent: string, reason: string, now: TimeUs): void;
  end(agent: string): boolean;
}

export function prepareQuarantines(
  db: Database,
  known: readonly Quarantine[],
  { later, durably }: Pick<Unsaved, 'later' | 'durably'>,
): Quarantines {
  const insert = db.prepare('INSERT INTO quarantine VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM quarantine WHERE agent = ?');
  const list = new Map(known.map((entry) => [entry.agent, entry]));
  return {
    list,
    begin(agent, reason, now) {
      if (list.has(agent)) return;
      later(`quarantine ${agent}`, () => insert.run(agent, reason, now));
      list.set(agent, { agent, reason, at: now });
    },
    end(agent) {
      durably(() => remove.run(agent));
      return list.delete(agent);
    },
  };
}
