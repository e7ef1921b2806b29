/** `payesh-hub recompute`: compute a span anew, wait for it, and say what has changed. */
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { askHub } from './ask-hub.ts';
import { asked, withProgress } from './delivery/asked.ts';
import { printJson, printTable } from './table.ts';

interface Outcome {
  readonly done: boolean;
  readonly restated: readonly { granularity: string; group: string; asset: string; start: string; end: string }[];
  readonly more: boolean;
}

const lookEveryMs = 2000;

export const recomputeCommand = (): Command =>
  asked(new Command('recompute').description('compute the figures of a span anew from samples; says what has changed'))
    .requiredOption('--from <time>', 'ISO 8601, or a date of either calendar')
    .requiredOption('--to <time>')
    .option('--site <path>', 'every site that the token sees, if absent')
    .requiredOption('--why <text>', 'for the audit log')
    .action(async ({ json, url, token, ...body }) => {
      const hub = { url, token };
      const { id } = await askHub<{ id: string }>(hub, '/recomputations', { method: 'POST', body });
      const outcome = await withProgress(
        () => 'the hub computes',
        async () => {
          let found = await askHub<Outcome>(hub, `/recomputations/${id}`);
          while (!found.done) {
            await delay(lookEveryMs);
            found = await askHub<Outcome>(hub, `/recomputations/${id}`);
          }
          return found;
        },
      );
      if (json) return printJson(outcome);
      const { restated, more } = outcome;
      if (restated.length === 0) return console.log('Computed anew: every final figure is as it was.');
      const rows = restated.map(({ granularity, group, asset, start, end }) => [granularity, start, end, group, asset]);
      printTable(['BUCKET', 'FROM', 'TO', 'ELEMENTS', 'ASSET'], rows);
      console.log(`Computed anew: ${restated.length}${more ? ' and more' : ''} final buckets have got a new revision.`);
    });
