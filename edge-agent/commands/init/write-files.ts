/** Writes what the interview led to: checked by the real schema before agent.yaml is there, and taken back when it is wrong. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError } from '../../../protocols/errors.ts';
import { syncFolder, writeDurably } from '../../config/durable-file.ts';
import { agentOf, type LoadedAgent } from '../agent-config.ts';
import type { NewFile } from './context.ts';

/** Names of files that would be replaced. */
export const existing = (folder: string, names: readonly string[]): string[] =>
  names.filter((name) => existsSync(join(folder, name)));

/**
 * The configuration as the agent will read it. @throws {ConfigError} it is wrong: nothing new is left behind. Files that
 * were there before have been replaced then, as the person agreed to.
 */
export function writeFiles(out: string, yaml: string, files: readonly NewFile[]): LoadedAgent {
  const folder = dirname(out);
  mkdirSync(folder, { recursive: true });
  const written: string[] = [];
  const draft = join(folder, `.${basename(out)}.${process.pid}.new`);
  try {
    for (const { name, text, secret } of files) {
      const path = join(folder, name);
      if (!existsSync(path)) written.push(path);
      writeDurably(path, text, secret ? 0o600 : 0o644);
    }
    writeDurably(draft, yaml, 0o644);
    const agent = agentOf(draft);
    renameSync(draft, out);
    syncFolder(folder);
    return { ...agent, file: out };
  } catch (error) {
    for (const path of [...written, draft]) rmSync(path, { force: true });
    if (!(error instanceof ConfigError)) throw error;
    throw error.renamed((text) => text.replaceAll(draft, out));
  }
}
