/** What `payesh-hub import` tells people in both languages. Steps and reasons are the hub's, in the language asked for. */
import { persianDigits } from '../../plant/local-time.ts';
import type { Language } from '../../words.ts';
import type { ImportJson } from './import-json.ts';

type State = ImportJson['state'];

export interface ImportWords {
  noFile: { readonly message: string; readonly hint: string };
  sent(percent: number): string;
  underWay(state: State, percent: number, step: string): string;
  failed(why: string): string;
  already(one: ImportJson): string;
  took(one: ImportJson, outcome: NonNullable<ImportJson['outcome']>, refused: number): string;
  refusedRow(line: number, reason: string): string;
  more(count: number): string;
  end(one: ImportJson): string;
  nothing: string;
  undone(one: ImportJson): string;
  readonly states: Readonly<Record<State, string>>;
  readonly listed: readonly string[];
  readonly overtaken: {
    readonly columns: readonly string[];
    none(id: string): string;
    count(shown: number, all: number): string;
    readonly kinds: Readonly<Record<'known' | 'contradicts' | 'measured', string>>;
  };
}

const en: ImportWords = {
  noFile: { message: 'there is no such file', hint: 'Give the path of a file.' },
  sent: (percent) => `${percent} % sent`,
  underWay: (state, percent, step) => `${state} ${percent} %, ${step}`,
  failed: (why) => `Not imported: ${why}`,
  already: ({ name, who, created_at }) => `${name} was imported already by ${who} at ${created_at}: nothing changes.`,
  took({ dry_run }, { rows, taken, known, from, to }, refused) {
    const span = from === null ? '' : ` of ${from} to ${to}`;
    return `${dry_run ? 'Would take' : 'Took'} ${taken} of ${rows} rows${span}; ${known} known already, ${refused} refused.`;
  },
  refusedRow: (line, reason) => `line ${line} ${reason}`,
  more: (count) => `and ${count} more; --json lists a thousand`,
  end: ({ id, dry_run }) =>
    `Import ${id}${dry_run ? ' was a dry run: nothing is changed.' : `. Undo it with: payesh-hub import undo ${id}`}`,
  nothing: 'Nothing was imported.',
  undone: ({ id, name }) => `Import ${id} of ${name} is undone: figures of its time are computed without it.`,
  states: {
    ...{ receiving: 'receiving', checking: 'checking', checked: 'checked', writing: 'writing' },
    ...{ done: 'done', failed: 'failed', undone: 'undone' },
  },
  listed: ['ID', 'BEGUN', 'BY', 'STATE', 'FILE', 'TAKEN', 'KNOWN', 'REFUSED'],
  overtaken: {
    columns: ['TAG', 'TIME', 'IMPORTED', 'MEASURED', 'MEASURED AT', ''],
    none: (id) => `No gateway has told of the time of import ${id} since: all that it brought counts.`,
    count: (shown, all) =>
      `${all} ${all === 1 ? 'sample counts' : 'samples count'} no more: a gateway has told of that time since.` +
      (shown < all ? ` The first ${shown} are shown; --json lists all.` : ''),
    kinds: { known: 'the same', contradicts: 'another value', measured: 'between two that were measured' },
  },
};

/** Names and times read from left to right within a line that runs the other way. */
const ltr = (text: string): string => `\u2066${text}\u2069`;
const count = (value: number): string => persianDigits(String(value));

const fa: ImportWords = {
  noFile: { message: 'چنین پرونده‌ای نیست', hint: 'مسیر یک پرونده را بدهید.' },
  sent: (percent) => `${count(percent)}٪ فرستاده شد`,
  underWay: (state, percent, step) => `${fa.states[state]}، ${count(percent)}٪، ${step}`,
  failed: (why) => `وارد نشد: ${why}`,
  already: ({ name, who, created_at }) =>
    `${ltr(name)} را پیش‌تر ${ltr(who)} در ${ltr(created_at)} وارد کرده است: چیزی تغییر نمی‌کند.`,
  took({ dry_run }, { rows, taken, known, from, to }, refused) {
    const span = from === null ? '' : ` از ${ltr(from)} تا ${ltr(to!)}`;
    const what = `${count(taken)} سطر از ${count(rows)} سطر${span}`;
    const rest = `${count(known)} از پیش دانسته، ${count(refused)} ردشده.`;
    return `${what} ${dry_run ? 'پذیرفتنی است' : 'پذیرفته شد'}؛ ${rest}`;
  },
  refusedRow: (line, reason) => `سطر ${count(line)}: ${reason}`,
  more: (rest) => `و ${count(rest)} سطر دیگر؛ با ${ltr('--json')} هزار سطر فهرست می‌شود`,
  end: ({ id, dry_run }) =>
    dry_run
      ? `ورود ${ltr(id)} آزمایشی بود: چیزی تغییر نکرد.`
      : `ورود ${ltr(id)}. لغو آن: ${ltr(`payesh-hub import undo ${id}`)}`,
  nothing: 'چیزی وارد نشده است.',
  undone: ({ id, name }) => `ورود ${ltr(id)} (${ltr(name)}) لغو شد: ارقام آن زمان بدون آن محاسبه می‌شوند.`,
  states: {
    ...{ receiving: 'در حال دریافت', checking: 'در حال بررسی', checked: 'بررسی‌شده', writing: 'در حال ثبت' },
    ...{ done: 'انجام‌شده', failed: 'ناموفق', undone: 'لغوشده' },
  },
  listed: ['شناسه', 'آغاز', 'فرد', 'وضعیت', 'پرونده', 'پذیرفته', 'دانسته', 'ردشده'],
  overtaken: {
    columns: ['تگ', 'زمان', 'واردشده', 'اندازه‌گیری', 'زمان اندازه‌گیری', ''],
    none: (id) => `پس از ورود ${ltr(id)} هیچ درگاهی از زمان آن چیزی نگفته است: همهٔ آن به حساب می‌آید.`,
    count: (shown, all) =>
      `${count(all)} نمونه دیگر به حساب نمی‌آید: درگاه پس از آن از همان زمان گفته است.` +
      (shown < all ? ` ${count(shown)} نمونهٔ نخست نشان داده شد؛ همه با ${ltr('--json')}.` : ''),
    kinds: { known: 'همان مقدار', contradicts: 'مقدار دیگر', measured: 'میان دو اندازه‌گیری' },
  },
};

export const importWords: Readonly<Record<Language, ImportWords>> = { en, fa };
