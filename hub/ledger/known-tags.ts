/** Tags under their full paths, from the newest manifests of all streams. */
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { DeclaredStream, KnownTag } from './ledger.ts';

export const tagsById = ({ tags }: Pick<Manifest, 'tags'>): ReadonlyMap<number, ManifestTag> =>
  new Map(tags.map((tag) => [tag.id, tag]));

/**
 * One entry per agent and full path: the newest stream's declaration, and every key that ever held its samples. Streams
 * come oldest first; two ledgers may know one, whose keys are told once.
 */
export function collectTags(streams: Iterable<DeclaredStream>): KnownTag[] {
  type Entry = { -readonly [K in keyof KnownTag]: KnownTag[K] } & { keys: { stream: number; tag: number }[] };
  const byPath = new Map<string, Entry>();
  // What an agent is now is said by its open stream, also where a closed one is younger.
  const openLast = [...streams].sort((a, b) => Number(a.stream.closedAt === null) - Number(b.stream.closedAt === null));
  for (const { stream, site, tags } of openLast) {
    if (stream.withdrawnAt !== null) continue;
    const inOrder = [...tags.values()].sort(
      (a, b) => Number(Boolean(b.retired)) - Number(Boolean(a.retired)) || a.id - b.id,
    );
    for (const { path, ...current } of inOrder) {
      const full = `${site}/${path}`;
      const identity = `${stream.agent} ${full}`;
      const known = byPath.get(identity) ?? { agent: stream.agent, path: full, current, keys: [] };
      known.current = current;
      if (!known.keys.some((key) => key.stream === stream.number && key.tag === current.id)) {
        known.keys.push({ stream: stream.number, tag: current.id });
      }
      byPath.set(identity, known);
    }
  }
  return [...byPath.values()];
}
