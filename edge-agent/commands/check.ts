/** `payesh-agent check`: whether a configuration would start, without touching a device or the buffer. */
import { Command } from 'commander';
import { loadYaml } from '../../config/load.ts';
import { exitWith } from '../../config/process.ts';
import { agentSchema } from '../config.ts';
import { tagsOf } from '../sources.ts';

export const checkCommand = (): Command =>
  new Command('check')
    .description('check a configuration file')
    .requiredOption('-c, --config <file>', 'agent.yaml')
    .option('--json', 'print JSON')
    .action(({ config: file, json }) =>
      exitWith(async () => {
        const config = loadYaml(file, agentSchema, process.env);
        const sources = config.sources.map((source) => ({
          id: source.id,
          kind: source.kind,
          tags: tagsOf(source).length,
        }));
        if (json) console.log(JSON.stringify({ ok: true, agent: config.agent, site: config.site, sources }));
        else {
          console.log(`${file} is good: agent ${config.agent} of ${config.site}`);
          for (const { id, kind, tags } of sources) console.log(`  ${id} (${kind}): ${tags} tags`);
        }
      }),
    );
