/** `payesh-agent check`: whether a configuration would start, without touching a device or the buffer. */
import { Command } from 'commander';
import type { AgentConfig } from '../config/schema.ts';
import { runTool } from './command.ts';

export const checkCommand = (): Command =>
  new Command('check')
    .description('check a configuration file')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--json', 'print JSON')
    .action(({ config: file, json }: { config: string; json?: boolean }) =>
      runTool(async (terminal) => {
        const [{ agentOf }, { tagsOf }] = await Promise.all([
          import('./agent-config.ts'),
          import('../acquire/sources.ts'),
        ]);
        const { config } = agentOf(file);
        await refuseTooManyTags(config);
        const sources = config.sources.map((source) => ({
          id: source.id,
          kind: source.kind,
          tags: tagsOf(source).length,
        }));
        if (json) return terminal.printJson({ ok: true, agent: config.agent, site: config.site, sources });
        terminal.print(`${file} is good: agent ${config.agent} of ${config.site}`);
        for (const { id, kind, tags } of sources) terminal.print(`  ${id} (${kind}): ${tags} tags`);
      }),
    );

/** As the agent would announce them at its first start. @throws {ConfigError} */
async function refuseTooManyTags({ site, sources, health }: AgentConfig): Promise<void> {
  const [{ refuseLargeManifest }, { manifestTags }, { tagsOf }] = await Promise.all([
    import('../buffer/manifest-limit.ts'),
    import('../acquire/tag-book.ts'),
    import('../acquire/sources.ts'),
  ]);
  const declared = sources.map((source) => ({ id: source.id, tags: tagsOf(source) }));
  const tags = manifestTags(declared, health.intervalMs);
  refuseLargeManifest(
    site,
    tags.map((tag, i) => ({ id: i + 1, ...tag })),
  );
}
