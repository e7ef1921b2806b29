/** Variables of an OPC UA server as tags: their paths, types and units, and the list of them that agent.yaml reads. */
import type { BrowsedVariable } from '../../protocols/opcua/explore.ts';
import type { TagType } from '../../protocols/sample.ts';
import { createPathKeeper, namesOf, standInWord, tagPathOf, wordOf } from './tag-path.ts';

/** Keys of agent.yaml; with a dot where they are nested. */
export interface TagRow {
  readonly path: string;
  readonly node: string;
  readonly type: TagType;
  readonly unit: string;
  readonly elements?: number | undefined;
  readonly 'range.0'?: number | undefined;
  readonly 'range.1'?: number | undefined;
}

export interface BrowsedTags {
  readonly tags: readonly TagRow[];
  /** Words that stand for names without ASCII letters, by name. */
  readonly standIns: ReadonlyMap<string, string>;
  /** What no sample can hold, and arrays of unknown length. */
  readonly unusable: readonly BrowsedVariable[];
}

const maxUnitLength = 20;
const maxElements = 1000;

/** Of an array whose length nobody knows, no elements can be named. */
const isUsable = ({ type, arrayLength }: BrowsedVariable): boolean => type !== undefined && arrayLength !== 0;

/** Names without ASCII letters, in the order in which they are met. */
export function foreignNames(variables: readonly BrowsedVariable[]): string[] {
  const names = new Set(variables.flatMap(({ path }) => namesOf(path)));
  return [...names].filter((name) => wordOf(name) === undefined);
}

/**
 * `words` are for names that have no ASCII letters; what is not given gets a stand-in. `taken` are the paths that
 * other tags have; the new ones are added to them.
 */
export function browsedTags(
  variables: readonly BrowsedVariable[],
  words: ReadonlyMap<string, string> = new Map(),
  taken: Set<string> = new Set(),
): BrowsedTags {
  const keep = createPathKeeper(taken);
  const tags: TagRow[] = [];
  const usable = variables.filter(isUsable);
  for (const { path, node, type, unit = '', arrayLength, range } of usable) {
    tags.push({
      path: keep(tagPathOf(namesOf(path), words)),
      node,
      type: type!,
      unit: unit.slice(0, maxUnitLength),
      elements: arrayLength === undefined ? undefined : Math.min(arrayLength, maxElements),
      'range.0': range?.[0],
      'range.1': range?.[1],
    });
  }
  const missing = foreignNames(usable).filter((name) => !words.has(name));
  return {
    tags,
    standIns: new Map(missing.map((name) => [name, standInWord(name)])),
    unusable: variables.filter((variable) => !isUsable(variable)),
  };
}

/** RFC 4180, with a header of the keys that some tag has. */
export function tagsCsv(rows: readonly object[]): string {
  const keys = [
    ...new Set(
      rows.flatMap((row) => Object.entries(row).flatMap(([key, value]) => (value === undefined ? [] : [key]))),
    ),
  ];
  const lines = rows.map((row) => keys.map((key) => csvCell((row as Record<string, unknown>)[key])).join(','));
  return `${[keys.join(','), ...lines].join('\n')}\n`;
}

const csvCell = (value: unknown): string => {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
