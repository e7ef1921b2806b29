/** Going down the tree of assets: children, and everything so many levels below. */
import type { Asset } from './assets.ts';

export type AssetTree = ReadonlyMap<string | null, readonly Asset[]>;

/** Children by the path of their parent; sites by null. */
export const treeOf = (assets: readonly Asset[]): AssetTree => Map.groupBy(assets, ({ parent }) => parent);

/** The roots and what lies up to `depth` levels below them, in the order of the tree, each once. */
export function withDescendants(tree: AssetTree, roots: readonly Asset[], depth = Number.POSITIVE_INFINITY): Asset[] {
  const found = new Set<Asset>();
  const walk = (asset: Asset, left: number): void => {
    found.add(asset);
    if (left > 0) for (const child of tree.get(asset.path) ?? []) walk(child, left - 1);
  };
  for (const root of roots) walk(root, depth);
  return [...found];
}
