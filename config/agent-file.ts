/**
 * agent.yaml with the tables that it names: wherever `tags` may stand, `tagsFile: x.csv` may stand beside or instead, and
 * its rows are appended. Where each tag came from is remembered, so that every mistake names its file and row.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { z } from 'zod';
import { ConfigError } from '../protocols/errors.ts';
import { parseTable } from './csv.ts';
import { type JsonSchema, jsonSchemaOf, schemasAt } from './json-schema.ts';
import { nameInYaml, readText } from './load.ts';
import { collectMistakes } from './mistakes.ts';
import { validate } from './validate.ts';
import { type Environment, openYaml, type Path, type YamlDocument } from './yaml-document.ts';

export interface AgentFile<T> {
  readonly config: T;
  /** As it stands in the file, variables not replaced. */
  readonly text: string;
  /** The tables that it names, by the names that it has for them. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
}

const maxTableBytes = 32 * 1024 ** 2;

/** @throws {ConfigError} naming file and line, or file, row and column. */
export function loadAgentFile<T>(file: string, environment: Environment, schema: z.ZodType<T>): AgentFile<T> {
  const text = readText(file);
  const document = openYaml(text, file, environment);
  const tables = new Map<string, Uint8Array>();
  const origins = createOrigins(document);
  const inline = (name: string, path: Path, row: JsonSchema) => {
    const place = isAbsolute(name) ? name : join(dirname(file), name);
    const bytes = tables.get(name) ?? readTable(place, name, document.placeOf([...path, 'tagsFile']));
    tables.set(name, bytes);
    return parseTable(bytes, place, row).map((each) => ({ ...each, place }));
  };
  const value = withTables(document.value, jsonSchemaOf(schema), inline, origins.keep);
  refuseTwins(value, origins.placeOf);
  const config = validate(value, schema, origins);
  // A byte order mark is part of what was written, and of what a rollback writes back: Excel needs it.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return { config, text, files: [...tables].map(([name, bytes]) => ({ name, text: decoder.decode(bytes) })) };
}

function readTable(file: string, name: string, place: string): Uint8Array {
  try {
    if (statSync(file).size > maxTableBytes) throw new Error('it is larger than 32 MB');
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`cannot read ${name}: ${(cause as Error).message}`, {
      path: place,
      hint: 'Its path is relative to the folder of the YAML file. Check the path and the rights of the file.',
      cause,
    });
  }
}

interface PlacedRow {
  readonly value: Record<string, unknown>;
  readonly line: number;
  /** The table. */
  readonly place: string;
}

/** A copy of the value, in which the rows stand where their tables were named. */
function withTables(
  value: unknown,
  schema: JsonSchema,
  inline: (name: string, path: Path, row: JsonSchema) => PlacedRow[],
  keep: (path: Path, row: PlacedRow) => void,
): unknown {
  const expand = (node: unknown, path: Path): unknown => {
    if (Array.isArray(node)) return node.map((each, i) => expand(each, [...path, i]));
    if (typeof node !== 'object' || node === null) return node;
    const entries = Object.entries(node).map(([key, inner]) => [key, expand(inner, [...path, key])] as const);
    const { tagsFile, ...rest } = Object.fromEntries(entries);
    const [row] = typeof tagsFile === 'string' ? schemasAt(schema, [...path, 'tags', 0]) : [];
    const written = rest.tags ?? [];
    if (!row || !Array.isArray(written)) return Object.fromEntries(entries);
    const rows = inline(tagsFile as string, path, row);
    for (const [i, each] of rows.entries()) keep([...path, 'tags', written.length + i], each);
    return { ...rest, tags: [...written, ...rows.map((each) => each.value)] };
  };
  return expand(value, []);
}

/** Places in tables where a value came from one, in the YAML otherwise. */
function createOrigins(document: YamlDocument) {
  const rows = new Map<string, PlacedRow>();
  const find = (path: Path): { row: PlacedRow; rest: Path } | undefined => {
    for (let length = path.length; length > 0; length--) {
      const row = rows.get(path.slice(0, length).join('.'));
      if (row) return { row, rest: path.slice(length) };
    }
    return undefined;
  };
  const cell = ({ row, rest }: { row: PlacedRow; rest: Path }): string =>
    `${row.place}:${row.line}${rest.length > 0 ? ` column "${rest.join('.')}"` : ''}`;
  return {
    keep: (path: Path, row: PlacedRow) => void rows.set(path.join('.'), row),
    placeOf(path: Path) {
      const found = find(path);
      return found ? cell(found) : document.placeOf(path);
    },
    placeOfKey(path: Path, key: string) {
      const found = find(path);
      return found ? cell({ ...found, rest: [...found.rest, key] }) : document.placeOfKey(path, key);
    },
    nameOf(path: Path) {
      const found = find(path);
      return found ? found.rest.join('.') || 'the row' : nameInYaml(path);
    },
  };
}

/** One path is one tag, in whichever files and sources the two stand. @throws {ConfigError} naming both. */
function refuseTwins(value: unknown, placeOf: (path: Path) => string): void {
  const mistakes = collectMistakes();
  const seen = new Map<string, Path>();
  const visit = (node: unknown, path: Path): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, inner] of Object.entries(node)) {
      const step = Array.isArray(node) ? Number(key) : key;
      const isTag = path.at(-1) === 'tags' && typeof step === 'number';
      const tagPath =
        isTag && typeof inner === 'object' && inner !== null ? (inner as { path?: unknown }).path : undefined;
      if (typeof tagPath === 'string') {
        const at = [...path, step, 'path'];
        const first = seen.get(tagPath);
        mistakes.of(() => {
          if (!first) return;
          throw new ConfigError(`"${tagPath}" is there twice`, {
            path: placeOf(at),
            hint: `It is also at ${placeOf(first)}. One path is one tag: remove one of them, or give it another path.`,
          });
        });
        seen.set(tagPath, first ?? at);
      } else visit(inner, [...path, step]);
    }
  };
  visit(value, []);
  mistakes.throwAny();
}
