/** `payesh-hub import`: a file of the past into a running hub. It may be broken off and given again at any time. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Language } from '../../words.ts';
import { askHub, type HubAddress } from '../ask-hub.ts';
import { asked } from '../delivery/asked.ts';
import { languageOption } from '../language.ts';
import { printJson, printTable } from '../table.ts';
import type { ImportJson } from './import-json.ts';
import { showOvertaken } from './overtaken.ts';
import { type SendOptions, sendFile } from './send.ts';
import { type ImportWords, importWords } from './words.ts';

interface RefusalJson {
  readonly line: number;
  readonly reason: string;
}

interface Common {
  readonly json?: true;
  readonly url: string;
  readonly token: string;
  readonly lang: Language;
}

const shownRefusals = 20;

const askedIn = (command: Command): Command => asked(command).addOption(languageOption());
/** `import` itself takes options of these names, wherever they stand. */
const commonOf = (command: Command): Common => command.optsWithGlobals<Common>();

export function importCommand(): Command {
  const command = askedIn(new Command('import').argument('[file]', 'CSV (tag,time,value,quality) or .parquet'))
    .description('samples of the past, or counts, readings and bills, from a file; audited, and undone as a whole')
    .option('--site <path>', 'may be left out where the token sees one')
    .option(
      '--entries',
      'the CSV holds entries: kind,asset,from,to,at and what the kind has: good,scrap,people,value,…',
    )
    .option('--zone <zone>', "of wall times without an offset; the site's if absent")
    .addOption(
      new Option('--holds <minutes>', 'how long a sample is the truth where the next row comes later')
        .argParser(minutes)
        .default(60),
    )
    .option('--dry-run', 'check every row, change nothing')
    .action(async (file: string | undefined, { json, url, token, lang, ...options }: Common & SendOptions) => {
      if (file === undefined) return command.help({ error: true });
      const hub: HubAddress = { url, token, language: lang };
      const { one, isNew } = await sendFile(hub, file, options, importWords[lang]);
      const { data } = await askHub<{ data: RefusalJson[] }>(hub, `/imports/${one.id}/refused?limit=1000`);
      if (json) printJson({ ...one, refused: data });
      else for (const line of report(one, data, isNew, importWords[lang])) console.log(line);
      if (one.state === 'failed' || (isNew && count(one.outcome?.refused) > 0)) process.exitCode = 1;
    });

  askedIn(command.command('list'))
    .description('imports, newest first')
    .action(async (_, command: Command) => {
      const { json, lang, url, token } = commonOf(command);
      const { data } = await askHub<{ data: ImportJson[] }>({ url, token, language: lang }, '/imports');
      if (json) return printJson(data);
      const words = importWords[lang];
      if (data.length === 0) return console.log(words.nothing);
      const rows = data.map(({ id, created_at, who, state, name, outcome }) => {
        const { taken = null, known = null } = outcome ?? {};
        return [id, created_at, who, words.states[state], name, taken, known, outcome && count(outcome.refused)];
      });
      printTable(words.listed, rows);
    });

  askedIn(command.command('overtaken').argument('<id>'))
    .description('samples of an import that count no more, as a gateway has told of their time since')
    .action((id: string, _, command: Command) => {
      const { json, lang, url, token } = commonOf(command);
      return showOvertaken({ url, token, language: lang }, id, importWords[lang], json);
    });

  askedIn(command.command('undo').argument('<id>'))
    .description('what an import brought counts no more; its samples stay, and stay proved')
    .requiredOption('--why <text>', 'for the audit log')
    .action(async (id: string, body: { why: string }, command: Command) => {
      const { json, lang, url, token } = commonOf(command);
      const question = { method: 'POST', body: { why: body.why } } as const;
      const undone = await askHub<ImportJson>({ url, token, language: lang }, `/imports/${id}/undo`, question);
      if (json) return printJson(undone);
      console.log(importWords[lang].undone(undone));
    });

  return command;
}

function report(one: ImportJson, refused: readonly RefusalJson[], isNew: boolean, words: ImportWords): string[] {
  const { outcome, state } = one;
  if (state === 'failed') return [words.failed(one.why ?? '')];
  const before = isNew ? [] : [words.already(one)];
  if (!outcome) return before;
  const all = count(outcome.refused);
  const shown = [...refused].sort((a, b) => a.line - b.line).slice(0, shownRefusals);
  const lines = shown.map(({ line, reason }) => words.refusedRow(line, reason));
  if (all > shown.length) lines.push(words.more(all - shown.length));
  return [...before, words.took(one, outcome, all), ...lines.map((line) => `  ${line}`), words.end(one)];
}

const count = (counts: Readonly<Record<string, number>> = {}): number =>
  Object.values(counts).reduce((sum, one) => sum + one, 0);

function minutes(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0)) throw new InvalidArgumentError('must be a number of minutes');
  return value;
}
