/** `payesh-hub gaps`: numbers that will never come, why, and who has seen it. */
import { Command } from 'commander';
import { askHub } from '../ask-hub.ts';
import { type Cell, printJson, printTable } from '../table.ts';
import { asked, streamOf, streamsOf } from './asked.ts';

interface GapJson {
  readonly first: number;
  readonly last: number | null;
  readonly reason: string;
  readonly at: string;
  readonly acknowledged: { readonly who: string; readonly at: string; readonly note: string } | null;
}

export function gapsCommand(): Command {
  const gaps = new Command('gaps').description('numbers that will never come, and who has seen it');
  const which = ['<stream-or-agent>', 'as "payesh-hub streams" shows it'] as const;

  asked(gaps.command('list').argument(...which)).action(async (of, { json, ...hub }) => {
    const found: (GapJson & { stream: number; agent: string })[] = [];
    for (const { number, agent } of await streamsOf(hub, of)) {
      const { data } = await askHub<{ data: GapJson[] }>(hub, `/streams/${number}/gaps`);
      found.push(...data.map((gap) => ({ stream: number, agent, ...gap })));
    }
    if (json) return printJson(found);
    if (found.length === 0) return console.log('No gaps.');
    const rows = found.map(({ stream, first, last, reason, at, acknowledged }): Cell[] => {
      const seen = acknowledged && `${acknowledged.who}: ${acknowledged.note}`;
      return [stream, first, last ?? 'unknown', last === null ? null : last - first + 1, reason, at, seen];
    });
    printTable(['STREAM', 'FIRST', 'LAST', 'COUNT', 'REASON', 'DECLARED', 'SEEN BY'], rows);
    const unseen = found.find(({ acknowledged }) => acknowledged === null);
    if (unseen) {
      console.log(
        `\nNot seen by anybody yet: payesh-hub gaps acknowledge ${unseen.stream} ${unseen.first} --note "what is known of it"`,
      );
    }
  });

  asked(
    gaps
      .command('acknowledge')
      .argument(...which)
      .argument('<first>', 'its first number'),
  )
    .requiredOption('--note <text>', 'what is known of it')
    .action(async (of, first, { json, note, ...hub }) => {
      const { number } = await streamOf(hub, of);
      const path = `/streams/${number}/gaps/${encodeURIComponent(first)}/acknowledgement`;
      const gap = await askHub<GapJson>(hub, path, { method: 'PUT', body: { note } });
      if (json) printJson(gap);
      else console.log(`The gap from ${gap.first} is acknowledged. Its numbers stay missing.`);
    });
  return gaps;
}
