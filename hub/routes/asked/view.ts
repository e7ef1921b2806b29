/**
 * The hub as a site scope sees it. Every route and the live feed read tags, streams and assets through here and nowhere
 * else, so what belongs to another site does not exist for them: not found, never forbidden.
 */
import { inScope, type SiteScope } from '../../access/scope.ts';
import type { KnownTag, LedgerReader, Stream } from '../../ledger/ledger.ts';
import type { Asset } from '../../plant/assets.ts';
import type { KpiSource } from './kpi-source.ts';

export interface View {
  /** Whether the asset, tag or site of that path lies in the scope. */
  sees(path: string): boolean;
  tags(): readonly KnownTag[];
  /** Streams all of whose tags lie in the scope; one without a manifest is nobody's but those who see every site. */
  streams(): readonly Stream[];
  stream(number: number): Stream | undefined;
  assets(): readonly Asset[];
}

export function createView(sites: SiteScope, { ledger, kpis }: { ledger: LedgerReader; kpis: KpiSource }): View {
  if (sites === '*') {
    return {
      sees: () => true,
      tags: () => ledger.tags(),
      streams: () => ledger.streams(),
      stream: (number) => ledger.streams().find((stream) => stream.number === number),
      assets: () => kpis.assets(),
    };
  }
  const sees = (path: string): boolean => inScope(sites, path);
  const seesStream = ({ number }: Stream): boolean => {
    const paths = pathsByStream(ledger.tags()).get(number);
    return paths?.every(sees) ?? false;
  };
  return {
    sees,
    tags: () => ledger.tags().filter((tag) => sees(tag.path)),
    streams: () => ledger.streams().filter(seesStream),
    stream: (number) => ledger.streams().find((stream) => stream.number === number && seesStream(stream)),
    assets: () => kpis.assets().filter((asset) => sees(asset.site) && sees(asset.path)),
  };
}

/** The ledger hands out the same list until a manifest changes. */
const known = new WeakMap<readonly KnownTag[], ReadonlyMap<number, readonly string[]>>();

function pathsByStream(tags: readonly KnownTag[]): ReadonlyMap<number, readonly string[]> {
  const found = known.get(tags);
  if (found) return found;
  const paths = new Map<number, string[]>();
  for (const tag of tags) {
    for (const { stream } of tag.keys) {
      const list = paths.get(stream);
      if (list) list.push(tag.path);
      else paths.set(stream, [tag.path]);
    }
  }
  known.set(tags, paths);
  return paths;
}
