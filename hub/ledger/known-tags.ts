/** Tags under their full paths, from the newest manifests of all streams. */
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { clip, type Spans } from '../plant/spans.ts';
import type { DeclaredStream, KnownTag, TagKey } from './ledger.ts';
import { everyTag } from './tag-lives.ts';

export const tagsById = ({ tags }: Pick<Manifest, 'tags'>): ReadonlyMap<number, ManifestTag> =>
  new Map(tags.map((tag) => [tag.id, tag]));

/** The tags of streams that change, agent by agent: of a thousand that are known, one is collected anew when it says more. */
export interface KnownTags {
  /** The same list until something changes. */
  all(): readonly KnownTag[];
  /** What the agent's streams declare, or which of them is open, has changed. */
  changed(agent: string): void;
}

/** @param streams as `collectTags` takes them */
export function createKnownTags(streams: () => Iterable<DeclaredStream>): KnownTags {
  const collected = new Map<string, readonly KnownTag[]>();
  let all: readonly KnownTag[] | undefined;
  const collect = (): readonly KnownTag[] => {
    const byAgent = Map.groupBy(streams(), ({ stream }) => stream.agent);
    for (const [agent, own] of byAgent) if (!collected.has(agent)) collected.set(agent, collectTags(own));
    return [...byAgent.keys()].flatMap((agent) => collected.get(agent)!);
  };
  return {
    all() {
      all ??= collect();
      return all;
    },
    changed(agent) {
      collected.delete(agent);
      all = undefined;
    },
  };
}

/**
 * One entry per agent and full path: the newest stream's declaration, and every key that ever held its samples. Streams
 * come oldest first; two ledgers may know one, whose keys are told once.
 */
export function collectTags(streams: Iterable<DeclaredStream>): KnownTag[] {
  type Entry = { -readonly [K in keyof KnownTag]: KnownTag[K] } & { keys: TagKey[] };
  const byPath = new Map<string, Entry>();
  const all = [...streams];
  const ends = endsOf(all);
  // What an agent is now is said by its open stream, also where a closed one is younger.
  const openLast = all.sort((a, b) => Number(a.stream.closedAt === null) - Number(b.stream.closedAt === null));
  for (const { stream, site, tags, lives } of openLast) {
    if (stream.withdrawnAt !== null) continue;
    const end = ends.get(stream.number) ?? Number.POSITIVE_INFINITY;
    const inOrder = [...tags.values()].sort(
      (a, b) => Number(Boolean(b.retired)) - Number(Boolean(a.retired)) || a.id - b.id,
    );
    const lived = livesUntil(end);
    // An entry holds the manifest's own tags: with copies of 100,000 a third more lived in the hub's heap.
    for (const tag of inOrder) {
      const full = `${site}/${tag.path}`;
      const identity = `${stream.agent} ${full}`;
      const known = byPath.get(identity) ?? { agent: stream.agent, path: full, current: tag, keys: [] };
      known.current = tag;
      if (!known.keys.some((key) => key.stream === stream.number && key.tag === tag.id)) {
        const own = lived(lives.get(tag.id) ?? lives.get(everyTag) ?? []);
        known.keys.push({ stream: stream.number, tag: tag.id, declared: tag, lives: own });
      }
      byPath.set(identity, known);
    }
  }
  return [...byPath.values()];
}

/** Cuts lives at an end; those of many tags are one object before and after. */
function livesUntil(end: TimeUs): (lives: Spans) => Spans {
  if (end === Number.POSITIVE_INFINITY) return (lives) => lives;
  const cut = new Map<Spans, Spans>();
  return (lives) => {
    if (!cut.has(lives)) cut.set(lives, clip(lives, Number.NEGATIVE_INFINITY, end));
    return cut.get(lives)!;
  };
}

/** An epoch of an agent ends where the next one begins, whether or not anybody said so. */
function endsOf(streams: readonly DeclaredStream[]): Map<number, number> {
  const ends = new Map<number, number>();
  const begun = (lives: Iterable<Spans>): number =>
    [...lives].reduce((least, [first]) => Math.min(least, first?.start ?? least), Number.POSITIVE_INFINITY);
  for (const own of Map.groupBy(streams, ({ stream }) => stream.agent).values()) {
    if (own.length === 1) continue;
    const inOrder = own
      .map(({ stream, lives }) => ({ number: stream.number, begun: begun(lives.values()) }))
      .sort((a, b) => a.begun - b.begun);
    for (const [index, { number }] of inOrder.entries()) ends.set(number, inOrder[index + 1]?.begun ?? Infinity);
  }
  return ends;
}
