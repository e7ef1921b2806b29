/** `payesh-hub report`: official monthly reports, from the shell. */
import { join } from 'node:path';
import { Command } from 'commander';
import { ConfigError } from '../../protocols/errors.ts';
import { askHub, fetchFile, type HubAddress } from './ask-hub.ts';
import { asked } from './delivery/asked.ts';
import { printJson, printTable } from './table.ts';

interface ReportJson {
  readonly id: number;
  readonly site: string;
  readonly period: string;
  readonly version: number;
  readonly newest: boolean;
  readonly issued_at: string;
  readonly who: string;
  readonly why: string;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly url: string }[];
  readonly restated?: readonly {
    readonly kpi: string;
    readonly asset: string;
    readonly start: string;
    readonly before: number | null;
    readonly after: number | null;
    readonly version: number;
    readonly why: string;
  }[];
}

const timeoutMs = 600_000;

export function reportCommand(): Command {
  const report = new Command('report').description('official monthly reports: issue, restate, read');

  asked(report.command('list'))
    .description('all versions, the newest first')
    .option('--site <path>')
    .option('--period <month>', 'a Jalali month like 1404-04')
    .action(async ({ json, url, token, ...filter }) => {
      const { data } = await askHub<{ data: ReportJson[] }>({ url, token }, `/reports?${new URLSearchParams(filter)}`);
      if (json) return printJson(data);
      if (data.length === 0) return console.log('No report is issued.');
      const rows = data.map(({ id, site, period, version, newest, issued_at, who, why }) => [
        ...[id, site, period, `v${version}${newest ? '' : ' (restated)'}`, issued_at, who, why],
      ]);
      printTable(['ID', 'SITE', 'PERIOD', 'VERSION', 'ISSUED', 'BY', 'WHY'], rows);
    });

  asked(report.command('show').argument('<id>'))
    .description('what it is, what was restated, and its workbooks')
    .option('--output <folder>', 'write its workbooks there')
    .action(async (id: string, { json, output, ...hub }) => {
      const one = await askHub<ReportJson>(hub, `/reports/${encodeURIComponent(id)}`);
      if (output !== undefined) await fetchWorkbooks(hub, one, output);
      if (json) return printJson(one);
      print(one);
      for (const { name, sha256 } of one.files) console.log(`  ${name}  sha256 ${sha256}`);
      const rows = (one.restated ?? []).map(({ version, kpi, asset, start, before, after, why }) => [
        ...[`v${version}`, kpi, asset, start, before, after, why],
      ]);
      if (rows.length > 0) printTable(['VERSION', 'KPI', 'ASSET', 'FROM', 'BEFORE', 'AFTER', 'WHY'], rows);
    });

  asked(report.command('issue'))
    .description("issue a month's official report; its figures are frozen")
    .requiredOption('--site <path>')
    .requiredOption('--period <month>', 'a Jalali month like 1404-04')
    .option('--note <text>', 'for the notes of its workbook')
    .action(async ({ json, url, token, ...body }) => {
      const one = await askHub<ReportJson>({ url, token }, '/reports', { method: 'POST', body, timeoutMs });
      if (json) printJson(one);
      else print(one);
    });

  asked(report.command('restate'))
    .description('the next version of an issued report, of what is known now; only an approver may')
    .requiredOption('--site <path>')
    .requiredOption('--period <month>')
    .requiredOption('--why <text>', 'stands in the report and in the audit log')
    .option('--note <text>', 'for the notes of its workbook')
    .action(async ({ json, url, token, site, period, ...body }) => {
      const hub = { url, token };
      const { data } = await askHub<{ data: ReportJson[] }>(hub, `/reports?${new URLSearchParams({ site, period })}`);
      const newest = data.find((one) => one.newest);
      if (!newest) {
        const hint = '"payesh-hub report issue" does it.';
        throw new ConfigError(`${period} is not issued`, { path: '--period', hint });
      }
      const question = { method: 'POST', body, timeoutMs } as const;
      const one = await askHub<ReportJson>(hub, `/reports/${newest.id}/restatement`, question);
      if (json) printJson(one);
      else print(one);
    });

  return report;
}

const print = ({ id, site, period, version, issued_at, who }: ReportJson): void =>
  console.log(`Report ${id} of ${site}, ${period}, v${version}: issued by ${who} at ${issued_at}`);

async function fetchWorkbooks(hub: HubAddress, { files }: ReportJson, folder: string): Promise<void> {
  for (const { name, url } of files) await fetchFile(hub, url.replace('/api/v1', ''), join(folder, name));
}
