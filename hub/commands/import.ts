/** `payesh-hub import`: a file of the past into a running hub. It may be broken off and given again at any time. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../protocols/errors.ts';
import { askHub, type HubAddress, sendBytes } from './ask-hub.ts';
import { asked } from './delivery/asked.ts';
import { printJson, printTable } from './table.ts';

interface ImportJson {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly who: string;
  readonly created_at: string;
  readonly dry_run: boolean;
  readonly state: 'receiving' | 'checking' | 'checked' | 'writing' | 'done' | 'failed' | 'undone';
  readonly received: number;
  readonly progress: number;
  readonly step: string;
  readonly outcome: {
    readonly rows: number;
    readonly taken: number;
    readonly known: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly from: string | null;
    readonly to: string | null;
  } | null;
  readonly why: string | null;
}

interface RefusalJson {
  readonly line: number;
  readonly reason: string;
}

const pieceBytes = 4 * 1024 * 1024;
const lookEveryMs = 500;
const shownRefusals = 20;

export function importCommand(): Command {
  const command = asked(new Command('import').argument('[file]', 'CSV (tag,time,value,quality) or .parquet'))
    .description('samples of the past, or counts, readings and bills, from a file; audited, and undone as a whole')
    .option('--site <path>', 'may be left out where the token sees one')
    .option('--entries', 'the CSV holds entries: kind,asset,from,to,at,good,scrap,value,quantity,amount_irr,…')
    .option('--zone <zone>', "of wall times without an offset; the site's if absent")
    .addOption(
      new Option('--holds <minutes>', 'how long a sample is the truth where the next row comes later')
        .argParser(minutes)
        .default(60),
    )
    .option('--dry-run', 'check every row, change nothing')
    .action(async (file: string | undefined, { json, url, token, ...options }) => {
      if (file === undefined) return command.help({ error: true });
      const hub = { url, token };
      const { one, isNew } = await send(hub, file, options);
      const ended = await waited(hub, one);
      const { data } = await askHub<{ data: RefusalJson[] }>(hub, `/imports/${one.id}/refused?limit=1000`);
      if (json) printJson({ ...ended, refused: data });
      else print(ended, data, isNew);
      if (ended.state === 'failed' || (isNew && count(ended.outcome?.refused) > 0)) process.exitCode = 1;
    });

  asked(command.command('list'))
    .description('imports, newest first')
    .action(async ({ json, ...hub }) => {
      const { data } = await askHub<{ data: ImportJson[] }>(hub, '/imports');
      if (json) return printJson(data);
      if (data.length === 0) return console.log('Nothing was imported.');
      const rows = data.map(({ id, created_at, who, state, name, outcome }) => {
        const { taken = null, known = null } = outcome ?? {};
        return [id, created_at, who, state, name, taken, known, outcome && count(outcome.refused)];
      });
      printTable(['ID', 'BEGUN', 'BY', 'STATE', 'FILE', 'TAKEN', 'KNOWN', 'REFUSED'], rows);
    });

  asked(command.command('undo').argument('<id>'))
    .description('what an import brought counts no more; its samples stay, and stay proved')
    .requiredOption('--why <text>', 'for the audit log')
    .action(async (id: string, { json, why, ...hub }) => {
      const undone = await askHub<ImportJson>(hub, `/imports/${id}/undo`, { method: 'POST', body: { why } });
      if (json) return printJson(undone);
      console.log(`Import ${id} of ${undone.name} is undone: figures of its time are computed without it.`);
    });

  return command;
}

interface SendOptions {
  readonly site?: string;
  readonly entries?: true;
  readonly zone?: string;
  readonly holds: number;
  readonly dryRun?: true;
}

async function send(hub: HubAddress, file: string, options: SendOptions): Promise<{ one: ImportJson; isNew: boolean }> {
  const { site, entries, zone, holds, dryRun = false } = options;
  const { sha256, bytes, rows } = await describe(file);
  const body = {
    ...{
      kind: entries ? 'entries' : 'samples',
      format: extname(file).toLowerCase() === '.parquet' ? 'parquet' : 'csv',
    },
    ...{ name: basename(file), bytes, sha256, rows, hold_s: holds * 60, dry_run: dryRun },
    ...(site !== undefined && { site }),
    ...(zone !== undefined && { zone }),
  };
  let one = await askHub<ImportJson>(hub, '/imports', { method: 'POST', body });
  const isNew = one.state !== 'done';
  await using source = await open(file);
  const piece = Buffer.alloc(pieceBytes);
  while (one.state === 'receiving') {
    const { bytesRead } = await source.read(piece, 0, pieceBytes, one.received);
    one = await sendBytes<ImportJson>(
      hub,
      `/imports/${one.id}/content?offset=${one.received}`,
      piece.subarray(0, bytesRead),
    );
    tell(`${Math.round((100 * one.received) / bytes)} % sent`);
  }
  return { one, isNew };
}

async function describe(file: string): Promise<{ sha256: string; bytes: number; rows: number }> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile())
    throw new ConfigError('there is no such file', { path: file, hint: 'Give the path of a file.' });
  const hash = createHash('sha256');
  let rows = 0;
  for await (const part of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(part);
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) rows += 1;
  }
  return { sha256: hash.digest('hex'), bytes: found.size, rows };
}

async function waited(hub: HubAddress, begun: ImportJson): Promise<ImportJson> {
  let one = begun;
  while (['receiving', 'checking', 'writing'].includes(one.state)) {
    tell(`${one.state} ${Math.round(100 * one.progress)} %, ${one.step}`);
    await delay(lookEveryMs);
    one = await askHub<ImportJson>(hub, `/imports/${one.id}`);
  }
  tell('');
  return one;
}

function print(one: ImportJson, refused: readonly RefusalJson[], isNew: boolean): void {
  const { outcome, state, dry_run } = one;
  if (state === 'failed') {
    console.log(`Not imported: ${one.why}`);
    return;
  }
  if (!isNew) {
    console.log(`${one.name} was imported already by ${one.who} at ${one.created_at}: nothing changes.`);
  }
  if (!outcome) return;
  const { rows, taken, known, from, to } = outcome;
  const span = from === null ? '' : ` of ${from} to ${to}`;
  console.log(
    `${dry_run ? 'Would take' : 'Took'} ${taken} of ${rows} rows${span}; ${known} known already, ${count(outcome.refused)} refused.`,
  );
  for (const { line, reason } of [...refused].sort((a, b) => a.line - b.line).slice(0, shownRefusals)) {
    console.log(`  line ${line} ${reason}`);
  }
  const more = count(outcome.refused) - Math.min(refused.length, shownRefusals);
  if (more > 0) console.log(`  and ${more} more; --json lists a thousand`);
  console.log(
    `Import ${one.id}${dry_run ? ' was a dry run: nothing is changed.' : '. Undo it with: payesh-hub import undo'}`,
  );
}

const count = (counts: Readonly<Record<string, number>> = {}): number =>
  Object.values(counts).reduce((sum, one) => sum + one, 0);

/** On a terminal, in one line that the next replaces. */
function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function minutes(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('must be a number of minutes');
  return value;
}
