/** A program that is loaded into a controller may give a path's node to another: items that are named by path follow it. */
import type { Item } from './item.ts';
import type { Workbench } from './part.ts';
import { followPaths } from './resolve.ts';

/** Whether what the node is may change while it stays readable. */
export const isByPath = ({ tag }: Item): boolean => tag.node.startsWith('/');

/** Those of the items whose path leads elsewhere than it did; they have their new nodes, or the status of why not. */
export async function follow(
  items: readonly Item[],
  { opcua, services, paths }: Pick<Workbench, 'opcua' | 'services' | 'paths'>,
): Promise<Item[]> {
  if (items.length === 0) return [];
  const nodes = await followPaths([...new Set(items.map(({ tag }) => tag.node))], opcua, services, paths);
  return items.filter((item) => {
    const node = nodes.get(item.tag.node)!;
    const isMoved = String(node) !== String(item.node);
    item.node = node;
    return isMoved;
  });
}
