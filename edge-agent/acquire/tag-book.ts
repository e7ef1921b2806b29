/**
 * Every tag of this agent with its id: what the configuration names, what sources have found by browsing, and what the
 * agent says of itself. Tags are registered before anybody can measure them, and the new manifest is announced in the same
 * turn, so that no sample is ever in a frame whose manifest does not know its tag.
 */
import { definitionOf } from '../../protocols/commissioning.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { TagDeclaration } from '../../protocols/tag-config.ts';
import { type Buffer, isDiskFull, type Keep, type RegisteredTags } from '../buffer/buffer.ts';
import { healthDeclarations } from './health.ts';
import { keepOf } from './keep.ts';

export interface DeclaredSource {
  readonly id: string;
  readonly tags: readonly TagDeclaration[];
}

export interface BookedTag extends TagDeclaration {
  readonly id: number;
}

export interface TagBook {
  /** As the buffer has registered them last. */
  readonly registered: RegisteredTags;
  /** Ids by path, health tags included. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tags whose newest accepted time must outlive the process; goes with the changes. */
  readonly keepsHistory: ReadonlySet<number>;
  /** What of a tag is given up last when the buffer is full. */
  keepOf(tag: number): Keep;
  /** Configured and found. */
  tagsOf(source: string): readonly BookedTag[];
  /** In place of all sources before. What a source has found stays with it, but for those in `restarted`. @throws {ConfigError} */
  configure(site: string, sources: readonly DeclaredSource[], restarted: ReadonlySet<string>): Promise<void>;
  /**
   * In place of what this source had found before; ids by path. What another source has already gets none.
   * @throws {ConfigError} too many tags. @throws {ConnectionError} the disk takes nothing just now.
   */
  declareFound(source: string, found: readonly TagDeclaration[]): Promise<ReadonlyMap<string, number>>;
}

export interface TagBookOptions {
  readonly buffer: Pick<Buffer, 'register'>;
  readonly site: string;
  readonly sources: readonly DeclaredSource[];
  readonly healthIntervalMs: number;
  /** Called whenever the manifest is another one, before anybody learns new ids. */
  readonly announce: (registered: RegisteredTags) => void;
  readonly log: { warn(fields: object, message: string): void };
}

interface Contents {
  readonly site: string;
  readonly sources: readonly DeclaredSource[];
  readonly found: ReadonlyMap<string, readonly TagDeclaration[]>;
}

/** @throws {ConfigError} */
export async function openTagBook(options: TagBookOptions): Promise<TagBook> {
  const { buffer, healthIntervalMs, announce, log } = options;

  const register = async ({ site, sources, found }: Contents): Promise<RegisteredTags> => {
    const all = sources.map(({ id, tags }) => ({ id, tags: [...tags, ...(found.get(id) ?? [])] }));
    return await buffer.register(manifestTags(all, healthIntervalMs), site);
  };

  let contents: Contents = { site: options.site, sources: options.sources, found: new Map() };
  let registered = await register(contents).catch(explain);
  let booked = index(contents, registered);
  const keepsHistory = new Set<number>();
  const passing = new Map<number, Keep>();
  const noteTags = () => {
    keepsHistory.clear();
    passing.clear();
    for (const tag of [...booked.values()].flat()) {
      if (tag.history) keepsHistory.add(tag.id);
      const keep = keepOf(tag);
      if (keep !== 'critical') passing.set(tag.id, keep);
    }
  };
  noteTags();

  /** One after the other: each begins with what the one before has left. */
  let last: Promise<unknown> = Promise.resolve();
  const change = (work: (now: Contents) => Contents | undefined): Promise<void> => {
    const done = last.then(async () => {
      const next = work(contents);
      if (!next) return;
      const after = await register(next);
      const isNews = after.revision !== registered.revision;
      contents = next;
      registered = after;
      booked = index(next, after);
      noteTags();
      if (isNews) announce(after);
    });
    last = done.catch(() => {});
    return done;
  };

  return {
    get registered() {
      return registered;
    },
    get ids() {
      return registered.idByPath;
    },
    keepsHistory,
    // The agent's own words are no less than what they speak of.
    keepOf: (tag) => passing.get(tag) ?? 'critical',
    tagsOf: (source) => booked.get(source) ?? [],
    configure: (site, sources, restarted) =>
      change(({ found }) => {
        const ids = new Set(sources.map(({ id }) => id));
        const kept = [...found].filter(([source]) => ids.has(source) && !restarted.has(source));
        return { site, sources, found: withoutTwins(sources, new Map(kept)) };
      }).catch(explain),
    async declareFound(source, wanted) {
      await change((now) => {
        if (!now.sources.some(({ id }) => id === source)) return undefined;
        const found = new Map([...now.found, [source, wanted] as const]);
        const next = withoutTwins(now.sources, found);
        const refused = wanted.length - (next.get(source)?.length ?? 0);
        if (refused > 0) log.warn({ source, tags: refused }, 'found tags whose path another tag has already');
        return { ...now, found: next };
      }).catch(waitForRoom);
      return new Map((contents.found.get(source) ?? []).map(({ path }) => [path, registered.idByPath.get(path)!]));
    },
  };
}

/** What the configuration names comes first, and then who found it first. */
function withoutTwins(
  sources: readonly DeclaredSource[],
  found: ReadonlyMap<string, readonly TagDeclaration[]>,
): Map<string, readonly TagDeclaration[]> {
  const taken = new Set(sources.flatMap(({ tags }) => tags.map(({ path }) => path)));
  return new Map(
    [...found].map(([source, tags]) => [
      source,
      tags.filter(({ path }) => !taken.has(path) && !path.startsWith('health/') && taken.add(path)),
    ]),
  );
}

function index({ sources, found }: Contents, { idByPath }: RegisteredTags): Map<string, readonly BookedTag[]> {
  const withId = (tag: TagDeclaration): BookedTag => ({ ...tag, id: idByPath.get(tag.path)! });
  return new Map(sources.map(({ id, tags }) => [id, [...tags, ...(found.get(id) ?? [])].map(withId)]));
}

/** All that a manifest says of these sources; the buffer adds the ids. */
export const manifestTags = (sources: readonly DeclaredSource[], healthIntervalMs: number): Omit<ManifestTag, 'id'>[] =>
  sources.flatMap(({ id, tags }) => [
    ...tags.map((tag) => manifestTagOf(tag, id)),
    ...healthDeclarations(id, healthIntervalMs),
  ]);

const manifestTagOf = (
  { path, type, unit, role, intervalMs, counter, address }: TagDeclaration,
  source: string,
): Omit<ManifestTag, 'id'> => ({
  path,
  type,
  unit,
  role,
  source,
  intervalMs,
  counter,
  definition: definitionOf(address),
});

function explain(cause: unknown): never {
  if (!isDiskFull(cause)) throw cause;
  const hint = 'Make room on the disk: what the hub has taken is let go of, and the rest must be kept.';
  throw new ConfigError('the disk is full: new tags cannot be kept', { path: 'dataDir', hint, cause });
}

function waitForRoom(cause: unknown): never {
  if (!isDiskFull(cause)) throw cause;
  throw new ConnectionError('the disk is full: found tags cannot be kept', { cause });
}
