/** A site whose samples a test writes by tag path, with the health that its agent would have sent. */
import type { KnownTag, TagKey } from '../../hub/ledger/ledger.ts';
import type { Counter, TagRole } from '../../protocols/manifest.ts';
import { quality, type SampleValue, type TagType, type TimeUs } from '../../protocols/sample.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';

export interface TagOptions {
  readonly role?: TagRole;
  readonly type?: TagType;
  readonly counter?: Counter;
  readonly intervalMs?: number;
  readonly source?: string;
  readonly definition?: string;
  /** Since when; what was measured under the path until then is retired. Absent is always. */
  readonly from?: TimeUs;
}

export interface MemorySite {
  readonly store: MemoryStore;
  tags(): readonly KnownTag[];
  /** Declares a tag below the site. */
  tag(path: string, options?: TagOptions): void;
  /** It is measured no more. */
  retire(path: string, at: TimeUs): void;
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
  let lastId = 0;
  const endedAt = (key: TagKey, at: TimeUs): TagKey => ({
    ...key,
    lives: key.lives.flatMap(({ start, end }) => (start < at ? [{ start, end: Math.min(end, at) }] : [])),
  });
  const declare = (path: string, options: TagOptions) => {
    const { role = 'process', type = 'int', counter, intervalMs = 1000, source = 'plc', definition, from } = options;
    const start = from ?? Number.NEGATIVE_INFINITY;
    const base = { type, unit: '', role, source, intervalMs };
    const declared = { ...base, ...(counter && { counter }), ...(definition && { definition }) };
    const key = { stream, tag: ++lastId, declared, lives: [{ start, end: Number.POSITIVE_INFINITY }] };
    const before = (tags.get(path)?.keys ?? []).map((one) => endedAt(one, start));
    tags.set(path, {
      ...{ agent, path: `${site}/${path}` },
      ...{ current: { id: key.tag, ...declared }, keys: [...before, key] },
    });
  };
  const put = (path: string, time: TimeUs, value: SampleValue, code: number = quality.good) => {
    const { keys } = tags.get(path)!;
    store.put(keys.findLast(({ lives }) => lives.some(({ start }) => start <= time)) ?? keys[0]!, time, value, code);
  };

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
    retire(path, at) {
      const tag = tags.get(path)!;
      const current = { ...tag.current, retired: true as const };
      tags.set(path, { ...tag, current, keys: tag.keys.map((key) => endedAt(key, at)) });
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
