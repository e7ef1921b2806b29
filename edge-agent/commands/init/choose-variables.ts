/** Which of a server's variables become tags: all, by folder, by text, or one by one. */
import type { BrowsedVariable } from '../../../protocols/opcua/explore.ts';
import { parseGlob } from '../../../protocols/opcua/glob.ts';
import { plain } from '../../terminal/plain.ts';
import { usageError } from '../command.ts';
import { namesOf } from '../tag-path.ts';
import type { InitContext } from './context.ts';

/** A list that is longer helps nobody to choose. */
const maxChoices = 2000;

export async function chooseVariables(
  found: readonly BrowsedVariable[],
  context: InitContext,
): Promise<readonly BrowsedVariable[]> {
  const { interview, options } = context;
  if (found.length === 0) {
    throw usageError(
      'the server has no variables that can be tags',
      'Look with "payesh-agent browse", or begin elsewhere with --from.',
    );
  }
  const filter = options.filter ?? (options.yes || !interview.asks ? '' : undefined);
  if (filter !== undefined) return containing(found, filter);
  const how = await interview.choose({
    message: `${found.length} variables. Which become tags?`,
    option: '--filter <text>',
    otherwise: 'all',
    choices: [
      { value: 'all', label: `All ${found.length}` },
      { value: 'folders', label: 'By folder' },
      { value: 'text', label: 'Those with a text in their path' },
      { value: 'single', label: 'One by one', hint: `of the first ${maxChoices}` },
    ],
  });
  if (how === 'all') return found;
  if (how === 'folders') return await byFolder(found, context);
  if (how === 'single') return await oneByOne(found, context);
  const text = await interview.text({
    message: 'Text, or a pattern with * and **',
    option: '--filter <text>',
    check: (typed) => (fitting(found, typed).length > 0 ? undefined : 'No variable has that in its path.'),
  });
  return fitting(found, text);
}

function containing(found: readonly BrowsedVariable[], filter: string): readonly BrowsedVariable[] {
  const fit = fitting(found, filter);
  if (fit.length > 0) return fit;
  throw usageError(`none of ${found.length} variables fits "${filter}"`, '"payesh-agent browse" shows their paths.');
}

function fitting(found: readonly BrowsedVariable[], filter: string): BrowsedVariable[] {
  if (!filter.includes('*')) return found.filter(({ path }) => path.toLowerCase().includes(filter.toLowerCase()));
  const glob = parseGlob(filter);
  return found.filter(({ path }) => glob.fits(namesOf(path).reduce(glob.step, glob.begin)));
}

async function byFolder(found: readonly BrowsedVariable[], { interview }: InitContext): Promise<BrowsedVariable[]> {
  const counts = new Map<string, number>();
  for (const { path } of found) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end);
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
    }
  }
  const folders = [...counts].sort(([a], [b]) => a.localeCompare(b)).slice(0, maxChoices);
  const chosen = await interview.pick(
    'Folders (Tab or Space chooses, Enter ends; type to search)',
    folders.map(([folder, count]) => ({ value: folder, label: plain(folder), hint: `${count} variables` })),
  );
  return found.filter(({ path }) => chosen.some((folder) => path.startsWith(`${folder}/`)));
}

async function oneByOne(found: readonly BrowsedVariable[], { interview }: InitContext): Promise<BrowsedVariable[]> {
  const chosen = new Set(
    await interview.pick(
      'Variables (Tab or Space chooses, Enter ends; type to search)',
      found
        .slice(0, maxChoices)
        .map(({ node, path, dataType }) => ({ value: node, label: plain(path), hint: dataType })),
    ),
  );
  return found.filter(({ node }) => chosen.has(node));
}
