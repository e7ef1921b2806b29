/** A password that somebody put into a file, so that it stands neither on a command line nor in a history. */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../../../protocols/errors.ts';

/** Its first line; undefined when no file is given. @throws {ConfigError} when it cannot be read or is empty. */
export function readPasswordFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const hint = 'Put the password, and nothing else, into this file.';
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('the password file cannot be read', { path: file, hint, cause });
  }
  const password = text.split('\n')[0]!.trim();
  if (password === '') throw new ConfigError('the password file is empty', { path: file, hint });
  return password;
}
