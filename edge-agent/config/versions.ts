/**
 * The configurations that an agent has run with, each in a folder of its own below `<dataDir>/config`: `0007/` holds the
 * YAML, its tables, and version.json. A folder is there whole or not at all; the last 20 are kept.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { canonicalJson } from '../../protocols/canonical-json.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { syncFolder } from './durable-file.ts';

/** What an operator has written, byte order marks included: the YAML and its tables. */
export interface ConfigText {
  readonly text: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
}

const versionSchema = z.object({
  number: z.int().min(1),
  at: z.number(),
  hash: z.string(),
  /** Names as the YAML has them, and as they lie here. */
  files: z.array(z.object({ name: z.string(), stored: z.string() })),
});
export type ConfigVersion = z.infer<typeof versionSchema>;

export interface ConfigVersions {
  /** The newest first. Folders that are damaged are left out. */
  list(): ConfigVersion[];
  read(number: number): (ConfigVersion & ConfigText) | undefined;
  /** Keeps it as a new version, unless the newest one says the same. Durable when it returns. */
  keep(content: ConfigText, at: TimeUs): ConfigVersion;
}

const keptVersions = 20;
const yamlName = 'agent.yaml';

/** SHA-256 of the YAML and its tables; a byte order mark says nothing. */
export const configHash = ({ text, files }: ConfigText): string =>
  createHash('sha256')
    .update(canonicalJson([text, ...files.map((file) => file.text)].map(withoutMark)))
    .digest('hex');

export const withoutMark = (text: string): string => text.replace(/^\ufeff/, '');

export function openConfigVersions(dataDir: string): ConfigVersions {
  const folder = join(dataDir, 'config');
  const folderOf = (number: number) => join(folder, String(number).padStart(4, '0'));

  const numbers = (): number[] =>
    readNames(folder)
      .filter((name) => /^\d{4,9}$/.test(name))
      .map(Number)
      .sort((a, b) => b - a);
  const describe = (number: number): ConfigVersion | undefined => {
    try {
      return versionSchema.parse(JSON.parse(readFileSync(join(folderOf(number), 'version.json'), 'utf8')));
    } catch {
      return undefined;
    }
  };
  const list = () => numbers().flatMap((number) => describe(number) ?? []);

  const write = (content: ConfigText, version: ConfigVersion): void => {
    const draft = join(folder, `.new-${process.pid}`);
    rmSync(draft, { recursive: true, force: true });
    mkdirSync(draft, { recursive: true, mode: 0o700 });
    const put = (name: string, text: string) => writeFileSync(join(draft, name), text, { mode: 0o600, flush: true });
    put(yamlName, content.text);
    for (const [i, { stored }] of version.files.entries()) put(stored, content.files[i]!.text);
    put('version.json', `${JSON.stringify(version, undefined, 2)}\n`);
    syncFolder(draft);
    renameSync(draft, folderOf(version.number));
    syncFolder(folder);
  };

  return {
    list,
    read(number) {
      const version = describe(number);
      if (!version) return undefined;
      const text = (name: string) => readFileSync(join(folderOf(number), name), 'utf8');
      const files = version.files.map(({ name, stored }) => ({ name, stored, text: text(stored) }));
      return { ...version, text: text(yamlName), files };
    },
    keep(content, at) {
      const hash = configHash(content);
      const newest = list()[0];
      if (newest?.hash === hash) return newest;
      const files = content.files.map(({ name }, i) => ({ name, stored: `${i + 1}-${basename(name)}` }));
      // A command may keep one at the same moment: whose folder is there first has the number.
      for (let number = (numbers()[0] ?? 0) + 1; ; number++) {
        const version = { number, at, hash, files };
        try {
          write(content, version);
        } catch (error) {
          if (isTaken(error)) continue;
          throw error;
        }
        for (const old of numbers().slice(keptVersions)) rmSync(folderOf(old), { recursive: true, force: true });
        return version;
      }
    },
  };
}

const isTaken = (error: unknown): boolean =>
  ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '');

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
