/** What a new list of tags changes about an old one, by tag path. */
import { isDeepStrictEqual } from 'node:util';
import type { Terminal } from '../terminal/terminal.ts';

type Tag = { readonly path: string };

export interface Difference {
  readonly added: readonly Tag[];
  readonly removed: readonly Tag[];
  readonly changed: readonly { readonly path: string; readonly changes: readonly string[] }[];
  readonly unchanged: number;
}

export function differenceOf(before: readonly Tag[], after: readonly Tag[]): Difference {
  const old = new Map(before.map((tag) => [tag.path, tag]));
  const now = new Map(after.map((tag) => [tag.path, tag]));
  const changed = after.flatMap((tag) => {
    const changes = old.has(tag.path) ? changesOf(old.get(tag.path)!, tag) : [];
    return changes.length > 0 ? [{ path: tag.path, changes }] : [];
  });
  const added = after.filter(({ path }) => !old.has(path));
  return {
    added,
    removed: before.filter(({ path }) => !now.has(path)),
    changed,
    unchanged: after.length - added.length - changed.length,
  };
}

function changesOf(before: object, after: object): string[] {
  const old = before as Record<string, unknown>;
  const now = after as Record<string, unknown>;
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((key) => !isDeepStrictEqual(old[key], now[key]))
    .map((key) => `${key} ${textOf(old[key])} → ${textOf(now[key])}`);
}

const textOf = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

export function printDifference({ added, removed, changed, unchanged }: Difference, terminal: Terminal): void {
  for (const { path } of added) terminal.print(terminal.style('green', `+ ${path}`));
  for (const { path, changes } of changed) terminal.print(terminal.style('yellow', `~ ${path}: ${changes.join(', ')}`));
  for (const { path } of removed) terminal.print(terminal.style('red', `- ${path}`));
  terminal.print(`${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged} unchanged`);
}
