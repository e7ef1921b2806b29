/** `payesh-hub quarantine`: agents of which nothing is taken, because two gateways bear one identity. */
import { Command } from 'commander';
import { askHub } from '../ask-hub.ts';
import { printJson, printTable } from '../table.ts';
import { asked } from './asked.ts';

interface AgentJson {
  readonly agent: string;
  readonly quarantine: { readonly reason: string; readonly at: string } | null;
}

export function quarantineCommand(): Command {
  const quarantine = new Command('quarantine').description(
    'agents of which nothing is taken: two gateways, one identity',
  );

  asked(quarantine.command('list')).action(async ({ json, ...hub }) => {
    const { data } = await askHub<{ data: AgentJson[] }>(hub, '/agents');
    const found = data.filter((agent) => agent.quarantine !== null);
    if (json) return printJson(found);
    if (found.length === 0) return console.log('No agent is in quarantine.');
    printTable(
      ['AGENT', 'SINCE', 'REASON'],
      found.map(({ agent, quarantine: why }) => [agent, why!.at, why!.reason]),
    );
    console.log('\nFind the copy and switch it off; then: payesh-hub quarantine end <agent>');
  });

  asked(quarantine.command('end').argument('<agent>')).action(async (agent, { json, ...hub }) => {
    await askHub(hub, `/agents/${encodeURIComponent(agent)}/quarantine`, { method: 'DELETE' });
    if (json) printJson({ agent, quarantine: null });
    else console.log(`Samples of agent "${agent}" are taken again. Be sure that only one gateway bears its identity.`);
  });
  return quarantine;
}
