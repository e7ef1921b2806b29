/**
 * agent.yaml and its tables as texts, however wrong they may be: what is needed to keep them as a version, and to find the
 * versions from which to go back.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument, visit } from 'yaml';
import { ConfigError } from '../protocols/errors.ts';
import type { AgentFile } from './agent-file.ts';
import { readText } from './load.ts';
import { type Environment, interpolate } from './yaml-document.ts';

export interface LooseAgentFile extends Pick<AgentFile<unknown>, 'text' | 'files'> {
  readonly dataDir: string;
}

/** @throws {ConfigError} when the file cannot be read, or does not say where the data folder is. */
export function readAgentText(file: string, environment: Environment): LooseAgentFile {
  const text = readText(file);
  const document = parseDocument(interpolateLoosely(text, file, environment));
  const names = new Set<string>();
  visit(document, {
    Pair(_, { key, value }) {
      if (String(key) === 'tagsFile' && value !== null) names.add(String(value));
    },
  });
  const files = [...names].flatMap((name) => {
    const table = readIfThere(resolve(dirname(file), name));
    return table === undefined ? [] : [{ name, text: table }];
  });
  return { text, files, dataDir: dataDirOf(text, file, document.get('dataDir')) };
}

/** Where the text is no YAML at all any more, its line is mostly still there. */
function dataDirOf(text: string, file: string, found: unknown): string {
  const dataDir = found ?? /^dataDir:\s*["']?([^"'#\r\n]+?)["']?\s*(#.*)?$/m.exec(text)?.[1];
  if (typeof dataDir === 'string' && dataDir !== '') return dataDir;
  throw new ConfigError('the file does not say where the data folder is', {
    path: file,
    hint: 'Write dataDir: … into it: the versions lie below that folder, in config.',
  });
}

function interpolateLoosely(text: string, file: string, environment: Environment): string {
  try {
    return interpolate(text, file, environment);
  } catch (error) {
    if (error instanceof ConfigError) return text;
    throw error;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
