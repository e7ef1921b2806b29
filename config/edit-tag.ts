/** A key of one tag in a YAML file that a person wrote: everything else in it stays as it was, comments included. */
import { isMap, isScalar, parseDocument, visit, type YAMLMap } from 'yaml';

export interface TagChange {
  /** Of the tag, nested ones with a dot: `counter.scale`. */
  readonly key: string;
  readonly to: string;
}

/** The text with the changes; undefined where no tag of that path stands in it: then it is kept in another file. */
export function withTagChanges(text: string, path: string, changes: readonly TagChange[]): string | undefined {
  const document = parseDocument(text, { keepSourceTokens: true });
  if (document.errors.length > 0) return undefined;
  const found: YAMLMap[] = [];
  visit(document, {
    Map(_, map) {
      if (map.get('path') === path) found.push(map);
    },
  });
  const [tag, another] = found;
  if (!tag || another) return undefined;
  for (const { key, to } of changes) {
    const value = document.createNode(/^-?\d/.test(to) ? Number(to) : to);
    const [first, second] = key.split('.') as [string, string?];
    const nested = tag.get(first, true);
    if (second === undefined) setIn(tag, first, value);
    else if (isMap(nested)) setIn(nested, second, value);
    else tag.set(first, document.createNode({ [second]: Number(to) }, { flow: true }));
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true, indentSeq: true });
}

/** In the place of the old value, so that a comment behind it stays. */
function setIn(map: YAMLMap, key: string, value: unknown): void {
  const old = map.get(key, true);
  if (isScalar(old) && isScalar(value)) old.value = value.value;
  else map.set(key, value);
}
