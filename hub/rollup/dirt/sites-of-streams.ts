/** Which sites a stream speaks of: by the full paths of its tags. Gone through only when tags or plants are others. */
import { isImportAgent } from '../../ledger/imported.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Plant } from '../../plant/plant.ts';

export type SitesOf = (stream: number) => readonly string[];

export function createSitesOfStreams(
  ledger: Pick<Ledger, 'tags' | 'declared'>,
  plants: () => readonly Pick<Plant, 'path'>[],
): () => SitesOf {
  let known: { tags: unknown; paths: string; sites: ReadonlyMap<number, ReadonlySet<string>> } | undefined;
  return () => {
    const tags = ledger.tags();
    const paths = plants().map(({ path }) => path);
    if (known?.tags !== tags || known.paths !== paths.join('\n')) {
      const sites = new Map<number, Set<string>>();
      for (const { path, keys } of tags) {
        const site = paths.find((plant) => path.startsWith(`${plant}/`));
        if (site === undefined) continue;
        for (const { stream } of keys) sites.set(stream, (sites.get(stream) ?? new Set()).add(site));
      }
      known = { tags, paths: paths.join('\n'), sites };
    }
    const { sites } = known;
    // An import that was undone has no tags any more.
    const imports = ledger.declared().filter(({ stream }) => isImportAgent(stream.agent));
    const ofImports = new Map(imports.map(({ stream, site }) => [stream.number, [site]]));
    return (stream) => ofImports.get(stream) ?? [...(sites.get(stream) ?? [])];
  };
}
