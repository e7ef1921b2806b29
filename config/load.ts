/** YAML file → validated, frozen configuration. Every mistake is told with file, line, column and what to do. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError } from '../protocols/errors.ts';
import { validate } from './validate.ts';
import { type Environment, openYaml, type Path } from './yaml-document.ts';

/** @throws {ConfigError} when the file cannot be read, is not YAML, or does not fit the schema. */
export const loadYaml = <T>(file: string, schema: z.ZodType<T>, environment: Environment): T =>
  parseYaml(readText(file), file, schema, environment);

/** As `loadYaml`, of a text; `file` only names it in errors. */
export function parseYaml<T>(text: string, file: string, schema: z.ZodType<T>, environment: Environment): T {
  const document = openYaml(text, file, environment);
  return validate(document.value, schema, { ...document, nameOf: nameInYaml });
}

export const nameInYaml = (path: Path): string => path.join('.') || 'the file';

/** @throws {ConfigError} */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`cannot read ${file}`, {
      path: file,
      hint: 'Check the path and the rights of the file.',
      cause,
    });
  }
}
