/** What became of the numbers: `payesh-hub streams`, `dead-letters`, `gaps` and `quarantine`, asked of a running hub. */
import { Command } from 'commander';
import { askHub, type HubAddress, tokenOption, urlOption } from './ask-hub.ts';
import { printJson, printTable } from './table.ts';

interface StreamJson {
  number: number;
  agent: string;
  epoch: string;
  closed_at: string | null;
  accepted: number;
  through: number;
  stored: number;
  dead_letters: number;
  gaps: number;
  lag_samples: number;
  lag_s: number | null;
}

interface DeadLetterJson {
  number: number;
  reason: string;
  tag_id: number;
  path: string | null;
  time: string;
  value: string;
}

interface GapJson {
  first: number;
  last: number | null;
  reason: string;
  at: string;
  acknowledged: { who: string; at: string; note: string } | null;
}

interface AgentJson {
  agent: string;
  quarantine: { reason: string; at: string } | null;
}

const asked = (command: Command): Command =>
  command.addOption(urlOption()).addOption(tokenOption()).option('--json', 'print JSON');

export const streamsCommand = (): Command =>
  asked(new Command('streams').description('numbered streams: settled up to where, and how far behind')).action(
    async ({ json, ...hub }) => {
      const { data } = await askHub<{ data: StreamJson[] }>(hub, '/streams');
      if (json) return printJson(data);
      const rows = data.map((stream) => [
        stream.number,
        stream.agent,
        stream.epoch.slice(0, 8),
        stream.closed_at ? 'closed' : 'open',
        stream.through,
        stream.lag_samples,
        stream.lag_s === null ? null : stream.lag_s.toFixed(1),
        stream.stored,
        stream.dead_letters,
        stream.gaps,
      ]);
      const lag = ['BEHIND', 'LAG S'];
      printTable(['STREAM', 'AGENT', 'EPOCH', '', 'SETTLED', ...lag, 'STORED', 'DEAD LETTERS', 'GAPS'], rows);
    },
  );

export const deadLettersCommand = (): Command =>
  asked(new Command('dead-letters').description('samples that could not be stored, each with its reason'))
    .argument('<stream>', 'its number, as "streams" shows it')
    .action(async (stream, { json, ...hub }) => {
      const letters: DeadLetterJson[] = [];
      for await (const page of deadLetterPages(hub, stream)) {
        if (json) for (const letter of page) console.log(JSON.stringify(letter));
        else letters.push(...page);
      }
      if (json) return;
      if (letters.length === 0) return console.log('No dead letters: every sample that was settled is stored.');
      const rows = letters.map((letter) => [
        letter.number,
        letter.reason,
        letter.path ?? `tag ${letter.tag_id}`,
        letter.time,
        letter.value,
      ]);
      printTable(['NUMBER', 'REASON', 'TAG', 'TIME', 'VALUE'], rows);
    });

async function* deadLetterPages(hub: HubAddress, stream: string): AsyncGenerator<DeadLetterJson[]> {
  for (let after: number | null = 0; after !== null; ) {
    const path = `/streams/${encodeURIComponent(stream)}/dead-letters?after=${after}&limit=1000`;
    const page: { data: DeadLetterJson[]; next_after: number | null } = await askHub(hub, path);
    yield page.data;
    after = page.next_after;
  }
}

export function gapsCommand(): Command {
  const gaps = new Command('gaps').description('numbers that will never come, and who has seen it');
  const pathOf = (stream: string) => `/streams/${encodeURIComponent(stream)}/gaps`;

  asked(gaps.command('list').argument('<stream>')).action(async (stream, { json, ...hub }) => {
    const { data } = await askHub<{ data: GapJson[] }>(hub, pathOf(stream));
    if (json) return printJson(data);
    if (data.length === 0) return console.log('No gaps.');
    const rows = data.map(({ first, last, reason, at, acknowledged }) => {
      const seen = acknowledged && `${acknowledged.who}: ${acknowledged.note}`;
      return [first, last ?? 'unknown', last === null ? null : last - first + 1, reason, at, seen];
    });
    printTable(['FIRST', 'LAST', 'COUNT', 'REASON', 'DECLARED', 'SEEN BY'], rows);
  });

  asked(gaps.command('acknowledge').argument('<stream>').argument('<first>', 'its first number'))
    .requiredOption('--note <text>', 'what is known of it')
    .action(async (stream, first, { json, note, ...hub }) => {
      const path = `${pathOf(stream)}/${encodeURIComponent(first)}/acknowledgement`;
      const gap = await askHub<GapJson>(hub, path, { method: 'PUT', body: { note } });
      if (json) printJson(gap);
      else console.log(`The gap from ${gap.first} is acknowledged. Its numbers stay missing.`);
    });
  return gaps;
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
  });

  asked(quarantine.command('end').argument('<agent>')).action(async (agent, { json, ...hub }) => {
    await askHub(hub, `/agents/${encodeURIComponent(agent)}/quarantine`, { method: 'DELETE' });
    if (json) printJson({ agent, quarantine: null });
    else console.log(`Samples of agent "${agent}" are taken again. Be sure that only one gateway bears its identity.`);
  });
  return quarantine;
}
