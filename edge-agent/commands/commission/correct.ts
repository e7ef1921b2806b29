/**
 * A correction on the spot: written where the tag stands, in agent.yaml or one of its lists, taken by the running agent,
 * and measured again. What the agent refuses is taken back, so that no file is ever left worse than it was.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { withCellChanges } from '../../../config/edit-table.ts';
import { withTagChanges } from '../../../config/edit-tag.ts';
import type { SheetRow } from '../../../protocols/commissioning.ts';
import { ConnectionError } from '../../../protocols/errors.ts';
import type { Suggestion } from '../../commissioning/suggest.ts';
import type { WalkTag } from '../../commissioning/tags.ts';
import { writeDurably } from '../../config/durable-file.ts';
import type { WalkContext } from './walk-context.ts';

/** The tag as it is read now, or why the file could not be changed for it. */
export type Corrected = { readonly tag: WalkTag } | { readonly byHand: string };

export async function correct(context: WalkContext, tag: WalkTag, suggestion: Suggestion): Promise<Corrected> {
  const { agent, signal } = context;
  const edit = editOf(context, tag, suggestion);
  if (!edit) {
    const what = suggestion.changes.map(({ key, to }) => `${key} to ${to}`).join(' and ');
    return { byHand: `${tag.path} was found by browsing: name it in agent.yaml, with ${what}` };
  }
  const { file, before, after } = edit;
  const { mode } = statSync(file);
  writeDurably(file, after, mode & 0o777);
  try {
    await agent.reload();
    await context.refresh();
  } catch (error) {
    signal.throwIfAborted();
    writeDurably(file, before, mode & 0o777);
    await agent.reload().catch(() => {});
    await context.refresh();
    if (error instanceof ConnectionError) throw error;
    return { byHand: `the agent does not take it: ${(error as Error).message}` };
  }
  const found = await context.again(tag.path);
  return found ? { tag: found } : { byHand: 'the tag is gone from the agent' };
}

interface Edit {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** undefined where neither agent.yaml nor one of its lists has the tag. */
function editOf(
  { loaded: { file, tables } }: WalkContext,
  { path }: WalkTag,
  { changes }: Suggestion,
): Edit | undefined {
  const before = readFileSync(file, 'utf8');
  const after = withTagChanges(before, path, changes);
  if (after !== undefined) return { file, before, after };
  for (const { name } of tables) {
    const table = resolve(dirname(file), name);
    const text = readFileSync(table, 'utf8');
    const edited = withCellChanges(text, path, changes);
    if (edited !== undefined) return { file: table, before: text, after: edited };
  }
  return undefined;
}

export const correctionOf = ({ changes }: Suggestion): NonNullable<SheetRow['correction']> => ({
  key: changes.map(({ key }) => key).join(', '),
  from: changes.map(({ from }) => from).join(', '),
  to: changes.map(({ to }) => to).join(', '),
});
