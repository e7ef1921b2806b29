/** `payesh-hub streams`: how far everything is settled. `payesh-hub rewind`: let an agent send again. */
import { Command, InvalidArgumentError } from 'commander';
import { askHub } from '../ask-hub.ts';
import { printJson, printTable } from '../table.ts';
import { asked, listStreams, streamOf } from './asked.ts';

export const streamsCommand = (): Command =>
  asked(new Command('streams').description('numbered streams: settled up to where, and how far behind')).action(
    async ({ json, ...hub }) => {
      const streams = await listStreams(hub);
      if (json) return printJson(streams);
      if (streams.length === 0) return console.log('No stream yet: no agent has greeted this hub.');
      const rows = streams.map((stream) => [
        stream.number,
        stream.agent,
        stream.epoch.slice(0, 8),
        stream.closed_at ? 'closed' : 'open',
        stream.through,
        stream.last_accepted_at,
        stream.lag_samples,
        stream.lag_s === null ? null : stream.lag_s.toFixed(1),
        stream.stored,
        stream.dead_letters,
        stream.gaps,
      ]);
      const lag = ['WATERMARK', 'BEHIND', 'LAG S'];
      printTable(['STREAM', 'AGENT', 'EPOCH', '', 'SETTLED', ...lag, 'STORED', 'DEAD LETTERS', 'GAPS'], rows);
      const agentsWith = (key: 'dead_letters' | 'gaps') =>
        [...new Set(streams.filter((stream) => stream[key] > 0).map(({ agent }) => agent))].join(', ');
      if (agentsWith('dead_letters')) {
        console.log(
          `\nDead letters of ${agentsWith('dead_letters')}: "payesh-hub dead-letters list <agent>" says why.`,
        );
      }
      if (agentsWith('gaps')) console.log(`Gaps of ${agentsWith('gaps')}: "payesh-hub gaps list <agent>" says which.`);
    },
  );

const wholeNumber = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number');
};

export const rewindCommand = (): Command =>
  asked(
    new Command('rewind').description(
      'let an agent send again what was settled: after the store was restored from an older backup, say',
    ),
  )
    .requiredOption('--agent <agent>', 'its id, or the number of one of its streams')
    .option(
      '--to <number>',
      'keep what is settled up to here; absent: send everything that it still keeps',
      wholeNumber,
    )
    .requiredOption('--why <text>', 'for the audit log')
    .action(async ({ json, agent, to, why, ...hub }) => {
      const stream = await streamOf(hub, agent);
      const body = { to, why };
      const done = await askHub<{ from: number; to: number }>(hub, `/streams/${stream.number}/rewind`, {
        method: 'POST',
        body,
      });
      if (json) return printJson({ stream: stream.number, ...done });
      if (done.to === done.from) return console.log(`Nothing to do: it is settled up to ${done.from} and no further.`);
      console.log(
        `Settled up to ${done.to} instead of ${done.from}: agent "${stream.agent}" sends the rest again. What it keeps no more is taken from the store, or becomes a gap.`,
      );
      console.log('Watch it with "payesh-hub streams"; then "payesh-hub verify".');
    });
