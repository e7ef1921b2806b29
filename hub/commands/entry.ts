/** `payesh-hub entry`: what people know and machines do not, from the shell. Times are ISO 8601, or dates of either calendar. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { entryKinds } from '../entries/entry.ts';
import { askHub } from './ask-hub.ts';
import { asked } from './delivery/asked.ts';
import { printJson, printTable } from './table.ts';

interface LineJson {
  readonly id: number;
  readonly revision: number;
  readonly author: string;
  readonly at: string;
  readonly why: string;
  readonly content: Readonly<Record<string, unknown>> | null;
}

const span = (command: Command): Command =>
  command.requiredOption('--from <time>', 'begin').requiredOption('--to <time>', 'end');

export function entryCommand(): Command {
  const entry = new Command('entry').description(
    'downtime reasons, orders, counts, inspections, attendance, meter readings, bills',
  );
  const add = entry.command('add').description('enter something');
  const unit = ['<asset>', 'full path of the unit'] as const;
  const meter = ['<asset>', 'full path of the meter'] as const;

  span(asked(add.command('downtime').argument(...unit)))
    .description('why a unit stood')
    .requiredOption('--reason <code>', "of the plant's tree")
    .option('--note <text>')
    .action(enter('downtime'));
  span(asked(add.command('order').argument(...unit)))
    .description('an order that was at a unit, or is to be')
    .option('--code <code>')
    .option('--product <code>')
    .option('--quantity <pieces>', 'ordered', number)
    .option('--planned-scrap <pieces>', 'planned for', number)
    .option('--note <text>')
    .action(enter('order'));
  span(asked(add.command('count').argument(...unit)))
    .description('what a unit without counters made')
    .requiredOption('--good <pieces>', '', number)
    .option('--scrap <pieces>', '', number)
    .option('--rework <pieces>', '', number)
    .option('--note <text>')
    .action(enter('count'));
  span(asked(add.command('inspection').argument(...unit)))
    .description('pieces that were inspected for the first time')
    .requiredOption('--inspected <pieces>', '', number)
    .requiredOption('--good <pieces>', 'of them, those that were good', number)
    .option('--product <code>')
    .option('--note <text>')
    .action(enter('inspection'));
  span(asked(add.command('attendance').argument('<asset>', 'full path of the unit, line or area')))
    .description('how many people were there, and what they worked on orders; no names')
    .requiredOption('--people <number>', 'there all of the time', number)
    .requiredOption('--worked-h <person-hours>', 'on orders, all of them together', number)
    .option('--note <text>')
    .action(enter('attendance'));
  asked(add.command('reading').argument(...meter))
    .description('what a meter showed')
    .requiredOption('--at <time>')
    .requiredOption('--value <number>', "in the meter's unit", number)
    .option('--note <text>')
    .action(enter('reading'));
  span(asked(add.command('bill').argument(...meter)))
    .description('what the supplier billed')
    .requiredOption('--quantity <number>', "in the meter's unit", number)
    .requiredOption('--amount-irr <rial>', '', number)
    .option('--number <text>', 'of the bill')
    .option('--note <text>')
    .action(enter('bill'));

  asked(entry.command('list'))
    .description('entries in force')
    .option('--site <path>')
    .addOption(new Option('--kind <kind>').choices(entryKinds))
    .option('--asset <path>')
    .option('--from <time>')
    .option('--to <time>')
    .action(async ({ json, url, token, ...filter }) => {
      const path = `/entries?${new URLSearchParams(filter)}`;
      const { data, next_cursor } = await askHub<{ data: LineJson[]; next_cursor: string | null }>(
        { url, token },
        path,
      );
      if (json) return printJson(data);
      print(data);
      if (next_cursor !== null) console.log('There are more: give --from and --to.');
    });

  asked(entry.command('history').argument('<id>'))
    .description('every line of an entry')
    .action(async (id: string, { json, ...hub }) => {
      const { data } = await askHub<{ data: LineJson[] }>(hub, `/entries/${encodeURIComponent(id)}/history`);
      if (json) printJson(data);
      else print(data);
    });

  const takeBack = (name: 'undo' | 'withdraw', description: string) =>
    asked(entry.command(name).argument('<id>'))
      .description(description)
      .requiredOption('--why <text>', 'for its history and the audit log')
      .action(async (id: string, { json, why, ...hub }) => {
        const path = `/entries/${encodeURIComponent(id)}/${name}`;
        const line = await askHub<LineJson>(hub, path, { method: 'POST', body: { why } });
        if (json) return printJson(line);
        console.log(line.content ? `Entry ${line.id} says again: ${told(line)}` : `Entry ${line.id} is taken back.`);
      });
  takeBack('undo', 'take back the last change of an entry; once more brings it again');
  takeBack('withdraw', 'take an entry away, however often it was corrected; undo brings it again');

  return entry;
}

const enter =
  (kind: (typeof entryKinds)[number]) =>
  async (asset: string, { json, url, token, ...options }: Record<string, unknown>) => {
    const fields = Object.fromEntries(Object.entries(options).map(([name, value]) => [apiName(name), value]));
    const hub = { url: String(url), ...(token !== undefined && { token: String(token) }) };
    const body = { kind, asset, ...fields };
    const line = await askHub<LineJson>(hub, '/entries', { method: 'POST', body });
    if (json) return printJson(line);
    console.log(`Entry ${line.id}: ${told(line)}`);
  };

/** `--planned-scrap` reaches us as `plannedScrap`. */
const apiName = (option: string): string => option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function print(lines: readonly LineJson[]): void {
  if (lines.length === 0) {
    console.log('Nothing is entered.');
    return;
  }
  const rows = lines.map((line) => [line.id, line.revision, line.at, line.author, told(line), line.why]);
  printTable(['ID', 'REVISION', 'ENTERED', 'BY', '', 'WHY'], rows);
}

const told = ({ content }: LineJson): string =>
  content
    ? Object.entries(content)
        .map(([name, value]) => (name === 'kind' || name === 'asset' ? value : `${name} ${said(value)}`))
        .join(' ')
    : 'taken back';

const said = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('must be a number');
  return value;
}
