/** A value held against its schema: frozen when it fits, otherwise its mistakes, told with their places and what to do. */
import type { z } from 'zod';
import { ConfigError } from '../protocols/errors.ts';
import { jsonSchemaOf, keysAt } from './json-schema.ts';
import { collectMistakes } from './mistakes.ts';
import type { Path } from './yaml-document.ts';

export interface Places {
  /** Where it stands: a file with line and column, or with row and column. */
  placeOf(path: Path): string;
  placeOfKey(path: Path, key: string): string;
  /** What it is called in the message. */
  nameOf(path: Path): string;
}

/** @throws {ConfigError} whose cause is zod's issue: who tells mistakes in another language begins with that. */
export function validate<T>(value: unknown, schema: z.ZodType<T>, places: Places): T {
  const result = schema.safeParse(value);
  if (result.success) return deepFreeze(result.data);

  const mistakes = collectMistakes();
  for (const issue of tellable(result.error.issues)) {
    mistakes.of(() => {
      throw mistakeOf(issue, schema, places);
    });
  }
  mistakes.throwAny();
  throw result.error;
}

function mistakeOf(issue: z.core.$ZodIssue, schema: z.ZodType, places: Places): ConfigError {
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    return new ConfigError(`unknown key "${key}"`, {
      path: places.placeOfKey(issue.path, key),
      hint: hintForUnknown(key, keysAt(jsonSchemaOf(schema), issue.path)),
      cause: issue,
    });
  }
  return new ConfigError(`${places.nameOf(issue.path)}: ${whatIsWrong(issue)}`, {
    path: places.placeOf(issue.path),
    hint: hintFor(issue),
    cause: issue,
  });
}

function whatIsWrong({ code, message }: z.core.$ZodIssue): string {
  if (code === 'invalid_type' && message.endsWith('received undefined')) return 'is missing';
  // The hint lists them.
  return /^Invalid (option|discriminator)/.test(message) ? 'is none of the known values' : message;
}

/** One of each mistake: a misspelt key also makes the right one missing, which is then not told beside it. */
function tellable(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const each = issues.map((issue) => deepest([issue]));
  const misspelt = new Set(each.filter(isMisspelt).map(({ path }) => path.join('.')));
  return [
    ...each.filter(isMisspelt),
    ...each.filter((issue) => !isMisspelt(issue) && !misspelt.has(issue.path.slice(0, -1).join('.'))),
  ];
}

const isMisspelt = ({ code }: z.core.$ZodIssue): boolean => code === 'unrecognized_keys';

/**
 * The issue to tell of a union's. A misspelt key comes first, since it also makes the right one missing; then what lies deepest in
 * the file, since of a union's alternatives the one that got furthest is the one that the operator meant.
 */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const rank = (issue: z.core.$ZodIssue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1000 : 0);
  return flatten(issues).reduce((best, issue) => (rank(issue) > rank(best) ? issue : best));
}

/** A union that says in its own words what it wants is told itself, unless one of its alternatives got further. */
const flatten = (issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] =>
  issues.flatMap((issue) => {
    // What is wrong with a name in a map is told by the rule of names.
    if (issue.code === 'invalid_key') return issue.issues.map((each) => ({ ...each, path: issue.path }));
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
    const inner = flatten(issue.errors.flat());
    const speaksForItself =
      issue.message !== 'Invalid input' &&
      inner.every(({ path, code }) => path.length === 0 && code === 'invalid_type');
    return speaksForItself ? [issue] : inner.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
  });

function hintFor(issue: z.core.$ZodIssue): string {
  const last = String(issue.path.at(-1) ?? '');
  switch (issue.code) {
    case 'invalid_type':
      return `Give a value of type ${issue.expected} here.`;
    case 'invalid_value':
      return `Allowed: ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `The least allowed is ${issue.minimum}.`;
    case 'too_big':
      return `The most allowed is ${issue.maximum}.`;
    case 'invalid_union':
      if (issue.message.startsWith('Invalid discriminator')) {
        return `Allowed: ${[...issue.message.matchAll(/'([^']*)'/g)].map(([, name]) => name).join(', ')}.`;
      }
      return /password|token|secret/i.test(last)
        ? 'A secret never stands in this file, where copies and versions of it would keep it: write it into a file of its own (mode 0600) and name that.'
        : 'It must have one of these forms.';
    default:
      return 'See the example in config/demo.';
  }
}

/** What was meant, if anything is near. */
export function hintForUnknown(key: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(name, key) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const list = known.length ? ` Known here: ${known.join(', ')}.` : '';
  return near && near.distance <= 3 ? `Did you mean "${near.name}"?${list}` : `Remove it.${list}`;
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
