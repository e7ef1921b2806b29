/**
 * Whether the tags of a source can be read: as the agent would, over one connection that ends with the answer. Values are
 * looked at and thrown away; what the source keeps of its history is not touched.
 */
import { systemClock } from '../../protocols/clock.ts';
import { qualityName } from '../../protocols/quality-names.ts';
import { isBad, type Sample } from '../../protocols/sample.ts';
import type { ReadSecret } from '../../protocols/secret.ts';
import { createSource, type SourceConfig, tagsOf } from '../acquire/sources.ts';
import { bad, type Finding, good, reasonOf, warning } from './check.ts';

export interface TagCheckOptions {
  readonly dataDir: string;
  readonly secret: ReadSecret;
  /** As the commands to print name it. */
  readonly file: string;
}

/** A first value may come late; after this a tag that is Bad stays so. */
const settleMs = 2000;

export async function findTags(
  config: SourceConfig,
  options: TagCheckOptions,
  signal: AbortSignal,
): Promise<Finding[]> {
  const tags = tagsOf(config);
  if (tags.length === 0) return [];
  let newest: ReadonlyMap<number, Sample>;
  try {
    newest = await firstValues(withoutHistory(config), options, signal);
  } catch (error) {
    signal.throwIfAborted();
    return [bad((say) => say.readingFails(reasonOf(error)))];
  }
  const unread = tags.flatMap((tag, id) => {
    const { quality } = newest.get(id) ?? { quality: 0 };
    return isBad(quality) ? [{ ...tag, quality: qualityName(quality) }] : [];
  });
  if (unread.length === 0) return [good((say) => say.tagsRead(tags.length))];
  // Each reason has an example of its own.
  return Object.entries(Object.groupBy(unread, ({ quality }) => quality)).map(([quality, found]) => {
    const { path, address } = found![0]!;
    const command = `payesh-agent probe -c ${options.file} ${path}`;
    return warning((say) => say.tagsNotRead(found!.length, tags.length, quality, path, address, command));
  });
}

async function firstValues(
  config: SourceConfig,
  { dataDir, secret }: TagCheckOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Sample>> {
  const tagIds = new Map(tagsOf(config).map(({ path }, id) => [path, id]));
  const source = await createSource(config, {
    ...{ tagIds, dataDir, secret, clock: systemClock, log: { info() {}, warn() {} } },
    declare: async (found) => new Map(found.map(({ path }, i) => [path, tagIds.size + i])),
    acceptedUntil: () => undefined,
  });
  const enough = new AbortController();
  const newest = new Map<number, Sample>();
  let settling: NodeJS.Timeout | undefined;
  try {
    for await (const { samples } of source.read(AbortSignal.any([signal, enough.signal]))) {
      for (const sample of samples) newest.set(sample.tag, sample);
      settling ??= setTimeout(() => enough.abort(), settleMs);
      if ([...tagIds.values()].every((id) => newest.has(id) && !isBad(newest.get(id)!.quality))) enough.abort();
    }
    signal.throwIfAborted();
    return newest;
  } finally {
    clearTimeout(settling);
  }
}

const withoutHistory = (config: SourceConfig): SourceConfig =>
  config.kind === 'opcua'
    ? { ...config, groups: config.groups.map((group) => ({ ...group, history: false })) }
    : config;
