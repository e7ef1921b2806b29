/**
 * Writes that may wait a moment for the next commit: what agents say of themselves when a thousand of them come back at
 * once would otherwise cost two syncs each. Nothing depends on them: after a crash an agent says it again.
 */
import type { Database } from 'better-sqlite3';
import { isWaitedOut } from './waited-out.ts';

export interface Unsaved {
  /** Of two writes with one name only the later is made; they are made in the order in which they came. */
  later(name: string, write: () => void): void;
  /** Durable when it returns, with everything that waited, in one transaction. */
  durably<T>(work: () => T): T;
  /** What waits, if the disk takes it. */
  save(): void;
}

const withinMs = 100;
const retryMs = 1000;

export function createUnsaved(db: Database): Unsaved {
  const waiting = new Map<string, () => void>();
  let timer: NodeJS.Timeout | undefined;

  const commit = db.transaction((work: () => unknown) => {
    for (const write of waiting.values()) write();
    return work();
  });
  const durably = <T>(work: () => T): T => {
    const result = commit(work) as T;
    waiting.clear();
    return result;
  };
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.size === 0 || !db.open) return;
    try {
      durably(() => {});
    } catch (error) {
      if (!isWaitedOut(error)) throw error;
      timer = setTimeout(save, retryMs).unref();
    }
  };
  return {
    later(name, write) {
      waiting.delete(name);
      waiting.set(name, write);
      timer ??= setTimeout(save, withinMs).unref();
    },
    durably,
    save,
  };
}
