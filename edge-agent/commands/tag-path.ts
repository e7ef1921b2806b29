/** Tag paths out of what a server calls its nodes: lower-case ASCII words. Nothing is transliterated: that is for people. */
import { createHash } from 'node:crypto';
import { parseBrowsePath } from '../../protocols/opcua/node.ts';

/** Browse names of a path, as the server writes them. */
export const namesOf = (browsePath: string): string[] => parseBrowsePath(browsePath)?.map(({ name }) => name) ?? [];

/** The word for a name; undefined where most of its letters are of another script. */
export function wordOf(name: string): string | undefined {
  const letters = name.match(/\p{L}/gu) ?? [];
  const foreign = letters.filter((letter) => !/[a-z]/i.test(letter)).length;
  if (foreign > letters.length - foreign) return undefined;
  const word = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  return word === '' ? undefined : word;
}

/** Stands in for a word that nobody gave: the same for the same name, whenever it is met. */
export const standInWord = (name: string): string => `n-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;

const maxPathLength = 200;

/** The tag path of these names, by the words that are known or were given; its beginning is cut where it is too long. */
export function tagPathOf(names: readonly string[], given: ReadonlyMap<string, string> = new Map()): string {
  const words = names.map((name) => given.get(name) ?? wordOf(name) ?? standInWord(name));
  while (words.length > 1 && words.join('/').length > maxPathLength) words.shift();
  return words.join('/').slice(0, maxPathLength);
}

/** Gives every path once, and keeps it in `taken`: the second `a/b` is `a/b-2`. */
export function createPathKeeper(taken: Set<string>): (path: string) => string {
  return (path) => {
    let unique = path;
    for (let n = 2; taken.has(unique); n++) unique = `${path.slice(0, maxPathLength - 8)}-${n}`;
    taken.add(unique);
    return unique;
  };
}
