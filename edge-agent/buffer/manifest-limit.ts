/** How large a manifest may be: brokers take packets of some MB at most, and one that is too large would stop the stream. */
import { ConfigError } from '../../protocols/errors.ts';
import { encodeManifest, type ManifestTag } from '../../protocols/manifest.ts';

const maxManifestBytes = 512 * 1024;

/** @throws {ConfigError} */
export function refuseLargeManifest(site: string, tags: readonly ManifestTag[]): void {
  const { length } = encodeManifest({ epoch: '0'.repeat(32), revision: 1, site, tags: [...tags] });
  if (length <= maxManifestBytes) return;
  const retired = tags.filter((tag) => tag.retired).length;
  throw new ConfigError(
    `${tags.length} tags are too many for one agent: their list takes ${kib(length)} of ${kib(maxManifestBytes)}`,
    {
      path: 'sources',
      hint:
        retired > tags.length / 2
          ? `${retired} of them are not measured any more: when the buffer is empty, start the agent with a new dataDir.`
          : 'Share them between several agents, each with a dataDir of its own.',
    },
  );
}

const kib = (bytes: number): string => `${Math.ceil(bytes / 1024)} KiB`;
