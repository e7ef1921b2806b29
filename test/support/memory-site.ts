/** A site whose samples a test writes by tag path, with the health that its agent would have sent. */
import type { KnownTag } from '../../hub/ledger/ledger.ts';
import type { Counter, TagRole } from '../../protocols/manifest.ts';
import { quality, type SampleValue, type TagType, type TimeUs } from '../../protocols/sample.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';

export interface TagOptions {
  readonly role?: TagRole;
  readonly type?: TagType;
  readonly counter?: Counter;
  readonly intervalMs?: number;
  readonly source?: string;
}

export interface MemorySite {
  readonly store: MemoryStore;
  tags(): readonly KnownTag[];
  /** Declares a tag below the site. */
  tag(path: string, options?: TagOptions): void;
  sample(path: string, time: TimeUs, value: SampleValue): void;
  bad(path: string, time: TimeUs): void;
  /** A session from `up` to `down`, with a watermark every so often; without `down` it goes on, or has crashed. */
  session(source: string, up: TimeUs, through: TimeUs, options?: { down?: boolean; everyUs?: number }): void;
}

const second = 1e6;

export function createMemorySite(
  site: string,
  { stream = 1, agent = 'agent', store = createMemoryStore() } = {},
): MemorySite {
  const tags = new Map<string, KnownTag>();
  const declare = (path: string, options: TagOptions) => {
    const { role = 'process', type = 'int', counter, intervalMs = 1000, source = 'plc' } = options;
    const id = tags.size + 1;
    const current = { id, type, unit: '', role, source, intervalMs, ...(counter && { counter }) };
    tags.set(path, { agent, path: `${site}/${path}`, current, keys: [{ stream, tag: id }] });
  };
  const put = (path: string, time: TimeUs, value: SampleValue, code: number = quality.good) =>
    store.put(tags.get(path)!.keys[0]!, time, value, code);

  return {
    store,
    tags: () => [...tags.values()],
    tag(path, options = {}) {
      const source = options.source ?? 'plc';
      for (const name of ['session', 'through', 'slots_good', 'slots_bad', 'slots_skipped'] as const) {
        const health = `health/${source}/${name}`;
        if (!tags.has(health))
          declare(health, { role: `health_${name}`, type: name === 'session' ? 'bool' : 'int', source });
      }
      declare(path, options);
    },
    sample: (path, time, value) => put(path, time, value),
    bad: (path, time) => put(path, time, null, quality.badCommunicationError),
    session(source, up, through, { down = false, everyUs = 60 * second } = {}) {
      put(`health/${source}/session`, up, true);
      for (let time = up; time < through; time += everyUs) put(`health/${source}/through`, time, time);
      put(`health/${source}/through`, through, through);
      if (down) put(`health/${source}/session`, through, false);
    },
  };
}
