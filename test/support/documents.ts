/** The documents of the repository, and the commands that they show. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export const documents = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => name === 'node_modules' || name === 'var' || name.startsWith('.tap'),
});

export const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/** Commands of the shell blocks of a document, a line each; what is continued with a backslash is one. */
export const shellLines = (text: string): string[] =>
  [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.replaceAll('\\\n', ' ').trim().split('\n'));
