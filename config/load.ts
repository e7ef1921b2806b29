/**
 * YAML file → validated, frozen configuration. Every mistake is told with file, line, column and what to do.
 * `${NAME}` and `${NAME:-default}` are replaced from the environment before the YAML is read.
 */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { ConfigError } from '../protocols/errors.ts';

type Path = readonly PropertyKey[];
type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} when the file cannot be read, is not YAML, or does not fit the schema. */
export function loadYaml<T>(file: string, schema: z.ZodType<T>, environment: Environment): T {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`cannot read ${file}`, {
      path: file,
      hint: 'Check the path and the rights of the file.',
      cause,
    });
  }
  return parseYaml(text, file, schema, environment);
}

/** As `loadYaml`, of a text; `file` only names it in errors. */
export function parseYaml<T>(text: string, file: string, schema: z.ZodType<T>, environment: Environment): T {
  const lines = new LineCounter();
  const document = parseDocument(interpolate(text, file, environment), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`;
  const syntaxError = document.errors[0];
  if (syntaxError) {
    throw new ConfigError(`not valid YAML: ${syntaxError.message}`, {
      path: at(syntaxError.pos[0]),
      hint: 'Look at the indentation, and for a missing colon or quote.',
    });
  }
  const result = schema.safeParse(document.toJS() ?? {});
  if (result.success) return deepFreeze(result.data);

  const issue = deepest(result.error.issues);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    throw new ConfigError(`unknown key "${key}"`, {
      path: at(offsetOfKey(document, issue.path, key)),
      hint: hintForUnknownKey(schema, issue.path, key),
    });
  }
  const where = issue.path.join('.') || 'the file';
  throw new ConfigError(`${where}: ${issue.message}`, {
    path: at(offsetOf(document, issue.path)),
    hint: hintFor(issue),
  });
}

function interpolate(text: string, file: string, environment: Environment): string {
  return text.replace(
    /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined, offset: number) => {
      const value = environment[name] || fallback;
      if (value !== undefined) return value;
      throw new ConfigError(`the environment variable ${name} is not set`, {
        path: `${file}:${text.slice(0, offset).split('\n').length}`,
        hint: `Set ${name}, or give a default: \${${name}:-value}.`,
      });
    },
  );
}

/**
 * The issue to tell. A misspelt key comes first, since it also makes the right one missing; then what lies deepest in
 * the file, since of a union's alternatives the one that got furthest is the one that the operator meant.
 */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const rank = (issue: z.core.$ZodIssue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1000 : 0);
  return flatten(issues).reduce((best, issue) => (rank(issue) > rank(best) ? issue : best));
}

const flatten = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] =>
  issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
    return flatten(issue.errors.flat()).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  });

type ParsedDocument = ReturnType<typeof parseDocument>;

/** Where the value at `path` stands, or its nearest ancestor that is there. */
function offsetOf(document: ParsedDocument, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}

function offsetOfKey(document: ParsedDocument, path: Path, key: string): number {
  const map = path.length ? document.getIn(path, true) : document.contents;
  const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
  return isScalar(pair?.key) && pair.key.range ? pair.key.range[0] : offsetOf(document, path);
}

function hintFor(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `Give a value of type ${issue.expected} here.`;
    case 'invalid_value':
      return `Allowed: ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `The least allowed is ${issue.minimum}.`;
    case 'too_big':
      return `The most allowed is ${issue.maximum}.`;
    default:
      return 'See the example in config/demo.';
  }
}

function hintForUnknownKey(schema: z.ZodType, path: Path, key: string): string {
  const known = [...knownKeys(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, path)];
  const near = known
    .map((name) => ({ name, distance: editDistance(name, key) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const list = known.length ? ` Known here: ${known.join(', ')}.` : '';
  return near && near.distance <= 3 ? `Did you mean "${near.name}"?${list}` : `Remove it.${list}`;
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
}

function knownKeys(schema: JsonSchema, path: Path): Set<string> {
  let level: JsonSchema[] = [schema];
  const alternatives = (node: JsonSchema): JsonSchema[] => [
    node,
    ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(alternatives),
  ];
  for (const step of path) {
    level = level.flatMap(alternatives).flatMap((node) => {
      const below =
        typeof step === 'number' ? node.items : (node.properties?.[String(step)] ?? node.additionalProperties);
      return typeof below === 'object' ? [below] : [];
    });
  }
  return new Set(level.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {})));
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
