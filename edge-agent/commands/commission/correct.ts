/**
 * A correction on the spot: written into agent.yaml, taken by the running agent, and measured again. What the agent
 * refuses is taken back, so that the file is never left worse than it was.
 */
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { withTagChanges } from '../../../config/edit-tag.ts';
import type { SheetRow } from '../../../protocols/commissioning.ts';
import { ConnectionError } from '../../../protocols/errors.ts';
import type { Suggestion } from '../../commissioning/suggest.ts';
import type { WalkTag } from '../../commissioning/tags.ts';
import { writeDurably } from '../../durable-file.ts';
import type { WalkContext } from './walk-context.ts';

/** The tag as it is read now, or why the file could not be changed for it. */
export type Corrected = { readonly tag: WalkTag } | { readonly byHand: string };

const takenWithinMs = 10_000;
const measuredWithinMs = 30_000;
const lookEveryMs = 250;

export async function correct(context: WalkContext, tag: WalkTag, { changes }: Suggestion): Promise<Corrected> {
  const { agent, loaded, signal } = context;
  const { file } = loaded;
  const mode = statSync(file).mode & 0o777;
  const before = readFileSync(file, 'utf8');
  const after = withTagChanges(before, tag.path, changes);
  if (after === undefined) {
    const what = changes.map(({ key, to }) => `${key} to ${to}`).join(' and ');
    return { byHand: `${tag.path} stands in a tags file: set ${what} there, reload the agent, and read again` };
  }
  writeDurably(file, after, mode);
  try {
    await agent.reload();
    await taken(context);
  } catch (error) {
    signal.throwIfAborted();
    writeDurably(file, before, mode);
    await agent.reload().catch(() => {});
    await taken(context);
    if (error instanceof ConnectionError) throw error;
    return { byHand: `the agent does not take it: ${(error as Error).message}` };
  }
  const found = context.tags.find(({ path, source }) => path === tag.path && source === tag.source);
  if (!found) return { byHand: 'the tag is gone from the agent' };
  await measured(context, found);
  return { tag: found };
}

/** Waits until the agent shows the tags of the file as it now is: sources are stopped in order before they start anew. */
async function taken({ refresh, signal }: WalkContext): Promise<void> {
  const deadline = performance.now() + takenWithinMs;
  for (;;) {
    try {
      return await refresh();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(lookEveryMs, undefined, { signal });
    }
  }
}

/** Waits until the tag has a value by its new definition: a new tag has none at first. */
async function measured({ agent, signal }: WalkContext, { path, source, address }: WalkTag): Promise<void> {
  const deadline = performance.now() + measuredWithinMs;
  while (performance.now() < deadline) {
    const report = (await agent.tags(source)).find((tag) => tag.path === path);
    if (report?.address === address && report.latest) return;
    await delay(lookEveryMs, undefined, { signal });
  }
}

export const correctionOf = ({ changes }: Suggestion): NonNullable<SheetRow['correction']> => ({
  key: changes.map(({ key }) => key).join(', '),
  from: changes.map(({ from }) => from).join(', '),
  to: changes.map(({ to }) => to).join(', '),
});
