/**
 * A commissioning sheet as a page of its own, to be read, printed on A4 and signed by hand: Persian with Jalali dates, or
 * English. It loads nothing, and all that came from a plant or a person is text in it.
 */
import { fingerprintOf, type SheetRow, type SignedSheet } from './commissioning.ts';
import { type SheetLanguage, sheetWords } from './commissioning-words.ts';
import { isBad, type TimeUs } from './sample.ts';

export interface SheetPageOptions {
  readonly lang: SheetLanguage;
  /** When the hub took it, and whose token brought it. */
  readonly kept?: { readonly at: TimeUs; readonly by: string } | undefined;
}

type Words = (typeof sheetWords)[SheetLanguage];
type Measured = NonNullable<SheetRow['agentValue']>;

const zone = 'Asia/Tehran';
const marks = { accepted: '✓', corrected: '↻', rejected: '✕', skipped: '–' };

export function sheetPage(signed: SignedSheet, { lang, kept }: SheetPageOptions): string {
  const { sheet, hash, signature } = signed;
  const words = sheetWords[lang];
  const format = createFormat(lang);
  const { name, role } = sheet.technician;
  const facts: [string, string][] = [
    [words.site, ltr(sheet.site)],
    [words.agent, ltr(sheet.agent)],
    [words.technician, role ? `${any(name)} · ${any(role)}` : any(name)],
    [words.started, `${ltr(format.time(sheet.startedAt))} ${words.zone}`],
    [words.finished, `${ltr(format.time(sheet.finishedAt))} ${words.zone}`],
    [words.version, ltr(sheet.agentVersion)],
    [words.config, ltr(`${format.whole(sheet.config.version)} (${sheet.config.hash.slice(0, 12)})`)],
  ];
  const proof: [string, string][] = [
    [words.hash, ltr(inGroups(hash))],
    [words.signature, ltr(signature)],
    [words.fingerprint, ltr(inGroups(fingerprintOf(sheet.publicKey)))],
  ];
  if (kept)
    proof.push([
      words.kept,
      `${ltr(format.time(kept.at))} ${words.zone}${lang === 'fa' ? '،' : ','} ${words.receivedFrom} ${any(kept.by)}`,
    ]);
  const counts = Object.entries(words.verdicts).map(([verdict, word]) => {
    const count = sheet.rows.filter((row) => row.verdict === verdict).length;
    return `<li class="${verdict}">${word}: ${ltr(format.whole(count))}</li>`;
  });
  const heads = ['tag', 'raw', 'atAgent', 'atHub', 'display', 'tolerance', 'verdict', 'note'] as const;
  return `<!doctype html>
<html lang="${lang}" dir="${lang === 'fa' ? 'rtl' : 'ltr'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(`${words.title} ${sheet.agent} ${format.time(sheet.finishedAt)}`)}</title>
<style>${sheetStyle}</style>
</head>
<body>
<header><h1>${words.title}</h1><ul class="counts">${counts.join('')}</ul></header>
${list('facts', facts)}
<table>
<thead><tr><th>#</th>${heads.map((head) => `<th>${words[head]}</th>`).join('')}</tr></thead>
<tbody>
${sheet.rows.map((row, i) => rowHtml(row, i + 1, words, format)).join('\n')}
</tbody>
</table>
<section><h2>${words.byHand}</h2><div class="hands">${hand(words.technician, words, name)}${hand(words.witness, words)}</div></section>
<section><h2>${words.proof}</h2>${list('proof', proof)}</section>
</body>
</html>
`;
}

function rowHtml(row: SheetRow, number: number, words: Words, format: Format): string {
  const { agrees, verdict } = row;
  const scale =
    row.scale === undefined ? '' : `<small>${ltr(`${format.number(row.scale)} ${row.unit}`)} ${words.perCount}</small>`;
  const agreement = agrees === null ? words.agrees.unknown : agrees ? words.agrees.yes : words.agrees.no;
  const shown = row.displayed === '' ? words.nothing : any(`${row.displayed} ${row.displayedUnit ?? ''}`.trim());
  const tolerance = row.tolerance === undefined ? words.nothing : ltr(`± ${format.number(row.tolerance)} ${row.unit}`);
  const cells = [
    ltr(format.whole(number)),
    `${ltr(row.path)}<small>${ltr(`${row.source}: ${row.address}`)}</small>`,
    row.raw === null ? reason(row.rawReason && words.rawReasons[row.rawReason], words) : `<code>${ltr(row.raw)}</code>`,
    measured(row.agentValue, row, words, format) + scale,
    row.hubValue === null
      ? reason(row.hubReason && words.hubReasons[row.hubReason], words)
      : measured(row.hubValue, row, words, format),
    `<b>${shown}</b>`,
    `${tolerance}<small>${agreement}</small>`,
    `<b>${marks[verdict]} ${words.verdicts[verdict]}</b>`,
    correction(row, words) + any(row.note),
  ];
  return `<tr class="${verdict}">${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function measured(found: Measured | null, row: SheetRow, words: Words, format: Format): string {
  if (!found) return words.nothing;
  const code = `0x${found.quality.toString(16).toUpperCase().padStart(8, '0')}`;
  const quality = found.quality === 0 ? '' : `<small>${isBad(found.quality) ? words.bad : ''} ${ltr(code)}</small>`;
  const at = `<small>${ltr(format.time(found.time))}</small>`;
  return `${valueHtml(found.value, row, words, format)}${quality}${at}`;
}

function valueHtml(value: Measured['value'], { type, unit, scale }: SheetRow, words: Words, format: Format): string {
  if (value === null) return words.nothing;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  if (type === 'string') return any(String(value));
  return ltr(`${format.scaled(value, scale)} ${unit}`.trim());
}

const correction = ({ correction: made }: SheetRow, words: Words): string =>
  made ? `${ltr(made.key)}: ${words.changed} ${ltr(made.from || words.notSet)} ${words.to} ${ltr(made.to)}<br>` : '';

const reason = (text: string | undefined, words: Words): string => `${words.nothing}<small>${any(text ?? '')}</small>`;

const list = (name: string, entries: readonly [string, string][]): string =>
  `<dl class="${name}">${entries.map(([term, html]) => `<div><dt>${term}</dt><dd>${html}</dd></div>`).join('')}</dl>`;

const hand = (who: string, words: Words, name = ''): string =>
  `<div><h3>${who}</h3><p>${words.name}: ${name ? any(name) : '<i></i>'}</p><p>${words.date}: <i></i></p><p>${words.sign}: <i></i></p></div>`;

const inGroups = (hex: string): string => hex.replaceAll(/(.{8})(?!$)/g, '$1 ');

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`).replaceAll(/\p{Cc}/gu, ' ');
/** Numbers, paths and keys: left to right in a Persian line too. */
const ltr = (text: string): string => `<bdi dir="ltr">${escaped(text)}</bdi>`;
/** What a person typed: in whatever direction its letters have. */
const any = (text: string): string => (text === '' ? '' : `<bdi>${escaped(text)}</bdi>`);

interface Format {
  time(time: TimeUs): string;
  whole(count: number): string;
  number(value: number): string;
  /** A counter's raw count in its unit; integers that no double holds come as digits. */
  scaled(value: number | string, scale?: number): string;
}

function createFormat(lang: SheetLanguage): Format {
  const locale = lang === 'fa' ? 'fa-IR' : 'en-GB';
  // The Swedish order is ISO 8601's: day and month cannot be mistaken.
  const clock = new Intl.DateTimeFormat(lang === 'fa' ? 'fa-IR-u-ca-persian' : 'sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const number = new Intl.NumberFormat(locale, { maximumSignificantDigits: 12 });
  return {
    time: (time) => clock.format(time / 1000).replace(/[،,] /, ' '),
    whole: (count) => whole.format(count),
    number: (value) => number.format(value),
    scaled: (value, scale = 1) =>
      typeof value === 'string' && scale === 1 ? whole.format(BigInt(value)) : number.format(Number(value) * scale),
  };
}

export const sheetStyle = `
@page { size: A4 landscape; margin: 12mm 10mm 14mm; @bottom-center { content: counter(page) ' / ' counter(pages); font: 8pt sans-serif; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 277mm; color: #111; background: #fff; font: 9.5pt/1.55 Vazirmatn, 'Segoe UI', Tahoma, 'Noto Sans Arabic', 'DejaVu Sans', sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .5rem 2rem; border-bottom: 2px solid #111; }
h1 { margin: 0 0 .2rem; font-size: 17pt; }
h2 { margin: 1.2rem 0 .4rem; font-size: 11pt; break-after: avoid; }
h3 { margin: 0 0 .4rem; font-size: 9.5pt; }
ul, dl, dd, p { margin: 0; padding: 0; }
.counts { display: flex; flex-wrap: wrap; gap: 0 1.2rem; list-style: none; }
.facts { display: grid; grid-template-columns: repeat(4, auto); gap: .2rem 2rem; margin: .7rem 0 1rem; }
dt { color: #555; font-size: 8pt; }
table { width: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
th { text-align: start; font-size: 8pt; background: #eee; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
th, td { padding: .25rem .4rem; border: .5pt solid #999; vertical-align: top; }
tr, section, .hands > div { break-inside: avoid; }
td:first-child { white-space: nowrap; }
td:first-child bdi { overflow-wrap: normal; }
td:nth-child(2) { width: 25%; }
td:nth-child(3) { width: 13%; }
td bdi { overflow-wrap: anywhere; }
small { display: block; color: #555; font-size: 7.5pt; line-height: 1.4; }
code { font: 8pt/1.5 'DejaVu Sans Mono', Consolas, monospace; }
.rejected td { background: #fbeaea; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.skipped td { color: #555; }
.hands { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; }
.hands > div { padding: .6rem .8rem; border: .5pt solid #999; }
.hands p { display: flex; gap: .5rem; align-items: flex-end; min-height: 9mm; }
.hands i { flex: 1; border-bottom: .5pt solid #111; }
.proof { display: grid; gap: .25rem; }
.proof dd bdi { font: 8pt/1.5 'DejaVu Sans Mono', Consolas, monospace; overflow-wrap: anywhere; }
@media print { body { padding: 0; max-width: none; } }
`;
