/** Tags under their full paths, from the newest manifests of all streams. */
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import { clip, type Spans } from '../plant/spans.ts';
import type { DeclaredStream, KnownTag, TagKey } from './ledger.ts';
import { everyTag } from './tag-lives.ts';

export const tagsById = ({ tags }: Pick<Manifest, 'tags'>): ReadonlyMap<number, ManifestTag> =>
  new Map(tags.map((tag) => [tag.id, tag]));

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
    for (const { path, ...current } of inOrder) {
      const full = `${site}/${path}`;
      const identity = `${stream.agent} ${full}`;
      const known = byPath.get(identity) ?? { agent: stream.agent, path: full, current, keys: [] };
      known.current = current;
      if (!known.keys.some((key) => key.stream === stream.number && key.tag === current.id)) {
        const { id, ...declared } = current;
        const lived = clip(lives.get(id) ?? lives.get(everyTag) ?? [], Number.NEGATIVE_INFINITY, end);
        known.keys.push({ stream: stream.number, tag: id, declared, lives: lived });
      }
      byPath.set(identity, known);
    }
  }
  return [...byPath.values()];
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
