/** `payesh-hub export`: asks a running hub for files, waits, and fetches them; checks packages without a hub. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { ConfigError } from '../../../protocols/errors.ts';
import { verifyPackage } from '../../exports/verify-package.ts';
import { askHub } from '../ask-hub.ts';
import { asked } from '../delivery/asked.ts';
import { printJson, printTable } from '../table.ts';
import { type JobJson, makeExport } from './make.ts';

const what = {
  kpi: 'KPI values as a tidy table',
  samples: 'samples as they are stored',
  workbook: 'the monthly workbook of a site',
  package: 'workbook and tables with a signed manifest, for an agency',
} as const;

export function exportCommand(): Command {
  const command = new Command('export').description('files of KPI values, samples and reports');
  for (const template of Object.keys(what) as (keyof typeof what)[]) command.addCommand(makeCommand(template));

  asked(command.command('list').description('exports that are waiting, running or kept')).action(
    async ({ json, ...hub }) => {
      const { data } = await askHub<{ data: JobJson[] }>(hub, '/exports');
      if (json) return printJson(data);
      const row = ({ id, created_at, who, template, site, state, progress, files, error }: JobJson) => {
        const done = state === 'running' ? `${Math.round(progress * 100)} %` : (error ?? files[0]?.name ?? null);
        return [id, created_at, who, template, site, state, done];
      };
      printTable(['ID', 'ASKED', 'WHO', 'WHAT', 'SITE', 'STATE', ''], data.map(row));
    },
  );

  asked(command.command('end').description('end an export, or take its files away').argument('<id>')).action(
    async (id, { json: _, ...hub }) => {
      await askHub(hub, `/exports/${encodeURIComponent(id)}`, { method: 'DELETE' });
      console.log(`Export ${id} is ended.`);
    },
  );

  asked(command.command('key').description('the public key that packages are signed with')).action(
    async ({ json, ...hub }) => {
      const key = await askHub<{ fingerprint: string; pem: string }>(hub, '/export-key');
      if (json) return printJson(key);
      console.log(`${key.pem}\nSHA-256 fingerprint: ${key.fingerprint}`);
    },
  );

  command
    .command('verify')
    .description('tell whether a package is whole and signed; needs no hub')
    .argument('<file>', 'a .zip')
    .option('--fingerprint <hex>', 'of the key that must have signed it, noted from "payesh-hub export key"')
    .option('--json', 'print JSON')
    .action(verify);
  return command;
}

function makeCommand(template: keyof typeof what): Command {
  const monthly = template === 'workbook' || template === 'package';
  const command = asked(new Command(template).description(what[template]))
    .requiredOption('--site <path>', 'full path of the site')
    .option('--period <month>', 'a Jalali month like 1404-04')
    .option('--output <folder>', 'where to write', '.');
  if (monthly) {
    command
      .addOption(new Option('--language <lang>', 'of the workbook').choices(['fa', 'en']).default('fa'))
      .option('--official', 'the report as it was issued')
      .option('--note <text>', 'for the notes of the workbook');
  } else {
    command
      .option('--from <time>', 'a time or date, Jalali or Gregorian')
      .option('--to <time>', 'not in it')
      .addOption(new Option('--format <format>').choices(['csv', 'parquet']))
      .option('--paths <path...>', template === 'kpi' ? 'of assets (default: all)' : 'of tags (default: all)')
      .option('--bom', 'CSV for spreadsheets: begin with a byte order mark');
  }
  if (template === 'kpi') {
    command
      .option('--granularity <name>', '15min, hour, shift, day, week, month, gregorian_month', 'day')
      .option('--kpis <id...>', 'as in prod.oee (default: all)');
  }
  return command.action(async ({ url, token, json, output, ...request }) => {
    const { job, written } = await makeExport({ url, token }, { template, ...request }, output);
    if (json) return printJson({ ...job, written });
    for (const file of written) console.log(file);
  });
}

function verify(file: string, { fingerprint, json }: { fingerprint?: string; json?: boolean }): void {
  const verdict = verifyPackage(readPackage(file));
  const faults = [...verdict.faults];
  const { manifest } = verdict;
  if (fingerprint !== undefined && verdict.fingerprint !== fingerprint.replaceAll(/[\s:]/g, '').toLowerCase()) {
    faults.push('it was signed by another key than the one that must have signed it');
  }
  if (faults.length > 0) process.exitCode = 2;
  if (json) {
    printJson({ ok: faults.length === 0, ...verdict, faults });
    return;
  }
  if (manifest) {
    console.log(`${manifest.site}, ${manifest.period}, ${manifest.status}, by ${manifest.signer.name}`);
    for (const { name, bytes } of manifest.files) console.log(`  ${name}  ${bytes} bytes`);
  }
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) {
    console.log('NOT PROVED: do not rely on this package.');
    return;
  }
  console.log(`Whole, and signed by the key ${verdict.fingerprint}`);
  if (fingerprint === undefined) console.log('Compare it with the fingerprint that the site has given you.');
}

function readPackage(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigError('the package cannot be read', { path: file, hint: 'Name the .zip file.', cause });
  }
}
