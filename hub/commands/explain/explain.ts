/** `payesh-hub explain`: finds a KPI figure and takes it apart. */
import { Command } from 'commander';
import { ConfigError } from '../../../protocols/errors.ts';
import { formatTime, parseMoment } from '../../plant/time-text.ts';
import { dayUs, minuteUs } from '../../plant/zone.ts';
import { askHub, type HubAddress, tokenOption, urlOption } from '../ask-hub.ts';
import { printJson } from '../table.ts';
import { type Lineage, printLineage, type Value } from './print.ts';

export const explainCommand = (): Command =>
  new Command('explain')
    .description('take a KPI figure apart: formula, elements, buckets, tags')
    .argument('<kpi>', 'its id, as in prod.oee, or the id of a value as the API tells it')
    .argument('[asset]', 'full path')
    .option('--granularity <name>', '15min, hour, shift, day, week, month, gregorian_month', 'day')
    .option('--at <time>', 'a time or date in the bucket; a Jalali date will do')
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--json', 'print JSON')
    .action(async (kpi, asset, { granularity, at, json, ...hub }) => {
      const id = asset === undefined ? kpi : await findId(hub, { kpi, asset, granularity, at });
      const lineage = await askHub<Lineage>(hub, `/kpi-values/${encodeURIComponent(id)}/lineage`);
      if (json) printJson(lineage);
      else printLineage(lineage);
    });

/** The value of the bucket that `at` lies in; without it, the newest. @throws {ConfigError} there is none. */
async function findId(
  hub: HubAddress,
  { kpi, asset, granularity, at }: { kpi: string; asset: string; granularity: string; at?: string },
): Promise<string> {
  const ask = (range: Record<string, string>) => {
    const query = new URLSearchParams({ kpi, asset, granularity, sort: '-start', limit: '1', ...range });
    return askHub<{ meta: { generated_at: string }; data: Value[] }>(hub, `/kpi-values?${query}`);
  };
  let { meta, data } = await ask(at === undefined ? {} : { from: at, to: justAfter(at) });
  if (data.length === 0 && at === undefined) {
    // By the clock of the hub, which may be another than ours.
    const from = new Date(Date.parse(meta.generated_at) - longestPauseMs).toISOString();
    ({ meta, data } = await ask({ from }));
  }
  const [found] = data;
  if (found) return found.id;
  throw new ConfigError(`the hub has no ${granularity} of ${kpi} for ${asset} there`, {
    path: asset,
    hint: 'Give another time with --at, or another --granularity; GET /api/v1/assets/{path} tells which KPIs an asset has.',
  });
}

const longestPauseMs = 62 * 86_400_000;

/** A moment within the bucket: of a day its end. What is no time the hub refuses. */
function justAfter(at: string): string {
  const moment = parseMoment(at);
  if (!moment) return at;
  if ('time' in moment) return formatTime(moment.time + 1);
  const wall = formatTime(moment.local + (moment.isDay ? dayUs : minuteUs));
  return moment.isDay ? wall.slice(0, 10) : wall.slice(0, 16);
}
