/** The sheets of this agent's book: listed, printed, brought to the hub. */
import { writeFileSync } from 'node:fs';
import { CommandError, exitCodes } from '../../../config/process.ts';
import { type SignedSheet, verdicts } from '../../../protocols/commissioning.ts';
import { sheetPage } from '../../../protocols/commissioning-page.ts';
import { ConfigError, ConnectionError, RejectedError } from '../../../protocols/errors.ts';
import { openCommissioningBook } from '../../commissioning/book.ts';
import { resumeWalk } from '../../commissioning/walk.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import { usageError } from '../command.ts';
import { type HubOptions, hubOf, load } from './context.ts';
import { adviceFor, pushSheets } from './finish.ts';

interface BookOptions extends HubOptions {
  readonly json?: boolean;
}

export function listSheets({ config: file, json }: BookOptions, terminal: Terminal): void {
  const { dataDir } = load(file).config;
  const book = openCommissioningBook(dataDir);
  const sheets = book.sheets();
  const left = resumeWalk(dataDir);
  const iso = (time: number) => new Date(time / 1000).toISOString().slice(0, 19).concat('Z');
  const count = ({ sheet }: SignedSheet, verdict: string) => sheet.rows.filter((row) => row.verdict === verdict).length;
  if (json) {
    const shown = sheets.map(({ hash, sheet: { technician, finishedAt, rows } }) => ({
      hash,
      technician,
      finishedAt,
      rows: rows.length,
    }));
    terminal.printJson({ sheets: shown, damaged: book.damaged(), leftOff: left?.rows.length ?? 0 });
    return;
  }
  terminal.printTable(
    [
      { title: 'SHEET' },
      { title: 'FINISHED' },
      { title: 'TECHNICIAN' },
      ...verdicts.map((verdict) => ({ title: verdict.toUpperCase(), align: 'right' as const })),
    ],
    sheets.map((signed) => [
      signed.hash.slice(0, 12),
      iso(signed.sheet.finishedAt),
      signed.sheet.technician.name,
      ...verdicts.map((verdict) => count(signed, verdict)),
    ]),
  );
  for (const damaged of book.damaged()) terminal.warn(`${damaged} is not as it was signed: it counts for nothing`);
  if (left) terminal.note(`A walk of ${left.technician.name} was left off after ${left.rows.length} answers.`);
}

export function exportSheet(
  hash: string,
  { config, lang, out }: BookOptions & { lang: 'fa' | 'en'; out?: string },
  terminal: Terminal,
): void {
  const signed = openCommissioningBook(load(config).config.dataDir).find(hash);
  if (!signed) throw usageError(`there is no one sheet "${hash}"`, 'See "payesh-agent commission list".');
  const page = sheetPage(signed, { lang });
  if (out === undefined) {
    terminal.print(page);
    return;
  }
  try {
    writeFileSync(out, page);
  } catch (cause) {
    throw new ConfigError('the page cannot be written', { path: out, hint: 'Check the folder and its rights.', cause });
  }
  terminal.note(`written: ${out}`);
}

export async function pushBook(options: BookOptions, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { config } = load(options.config);
  const hub = hubOf(options, config);
  if (!hub)
    throw usageError('no hub is named', 'Give --hub and --token-file, or write hub: (url, token) into agent.yaml.');
  const sheets = openCommissioningBook(config.dataDir).sheets();
  const sent = await pushSheets(hub, config.agent, sheets, signal).catch((cause: unknown) => {
    if (!(cause instanceof ConnectionError || cause instanceof RejectedError)) throw cause;
    const exitCode = cause instanceof RejectedError ? exitCodes.refused : exitCodes.unavailable;
    throw new CommandError(cause.message, { path: hub.url, hint: adviceFor(cause, config), exitCode, cause });
  });
  if (options.json) return terminal.printJson({ sent, sheets: sheets.length });
  terminal.note(`${sent} of ${sheets.length} sheets were not there yet; the hub keeps them all now.`);
}
