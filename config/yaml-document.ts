/** A YAML text as values, which knows where in the text each of them stands. */
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError } from '../protocols/errors.ts';

export type Path = readonly PropertyKey[];
export type Environment = Readonly<Record<string, string | undefined>>;

export interface YamlDocument {
  readonly value: unknown;
  /** `file:line:column` of the value at `path`, or of its nearest ancestor that is there. */
  placeOf(path: Path): string;
  /** As `placeOf`, of the key itself. */
  placeOfKey(path: Path, key: string): string;
}

/**
 * `${NAME}` and `${NAME:-default}` are replaced from the environment before the YAML is read; `file` only names it.
 * @throws {ConfigError} when it is not YAML, or a variable is missing.
 */
export function openYaml(text: string, file: string, environment: Environment): YamlDocument {
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
  const placeOf = (path: Path): string => at(offsetOf(document, path));
  return {
    value: document.toJS() ?? {},
    placeOf,
    placeOfKey(path, key) {
      const map = path.length ? document.getIn(path, true) : document.contents;
      const pair = isMap(map)
        ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      return isScalar(pair?.key) && pair.key.range ? at(pair.key.range[0]) : placeOf(path);
    },
  };
}

/** @throws {ConfigError} when a variable without a default is not set. */
export function interpolate(text: string, file: string, environment: Environment): string {
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

function offsetOf(document: ReturnType<typeof parseDocument>, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}
