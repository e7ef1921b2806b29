/** What imports say of themselves in both languages: how far one is, why one cannot be, why one failed. */
import { persianDigits } from '../plant/local-time.ts';
import type { Words } from '../words.ts';
import type { ImportState } from './import.ts';

const fa = (count: number): string => persianDigits(String(count));

export const steps = {
  none: { en: '', fa: '' },
  rows: (rows: number): Words => ({ en: `${rows} rows`, fa: `${fa(rows)} سطر` }),
  read: (rows: number): Words => ({ en: `${rows} rows read`, fa: `${fa(rows)} سطر خوانده شد` }),
  compared: (rows: number): Words => ({
    en: `${rows} rows compared with what is stored`,
    fa: `${fa(rows)} سطر با ذخیره‌شده‌ها مقایسه شد`,
  }),
  stored: (numbers: number): Words => ({ en: `${numbers} stored`, fa: `${fa(numbers)} ذخیره شد` }),
  waiting: (ms: number): Words => ({
    en: `failed; tried again in ${Math.ceil(ms / 1000)} s`,
    fa: `ناموفق؛ تا ${fa(Math.ceil(ms / 1000))} ثانیهٔ دیگر دوباره`,
  }),
};

export const failures = {
  ofHub: { en: 'the hub failed; its log says why', fa: 'خطای هاب؛ علت در گزارش هاب است' },
  otherFile: {
    en: 'the file that came is not the one that was announced: import it again',
    fa: 'پروندهٔ رسیده همان نیست که اعلام شده بود: دوباره وارد کنید',
  },
};

/** Of a sample that an import brought, and a gateway after it. */
export const toldAlike: Words = {
  en: 'a gateway has told the same since',
  fa: 'درگاه پس از آن همین را گفته است',
};

export const refusals = {
  noSite: { en: 'any site', fa: 'هیچ کارخانه‌ای' },
  site: (path: string): Words => ({ en: `site "${path}"`, fa: `کارخانهٔ «${path}»` }),
  whichSite: (paths: readonly string[]): Words => ({
    en: `say the site: ${paths.join(', ')}`,
    fa: `کارخانه را بگویید: ${paths.join('، ')}`,
  }),
  one: (id: string): Words => ({ en: `import ${id}`, fa: `ورود ${id}` }),
  entriesAreCsv: { en: 'entries come as CSV', fa: 'ثبت‌ها به صورت CSV وارد می‌شوند' },
  octets: { en: 'send application/octet-stream', fa: 'با نوع application/octet-stream بفرستید' },
  diskFull: {
    en: "the hub's disk is full: make room and go on",
    fa: 'دیسک هاب پر است: جا باز کنید و ادامه دهید',
  },
  unknown: (id: string): Words => ({ en: `there is no import ${id}`, fa: `ورود ${id} وجود ندارد` }),
  empty: { en: 'the file is empty', fa: 'پرونده خالی است' },
  large: (most: number): Words => ({
    en: `the file is larger than ${most} bytes: import it in parts`,
    fa: `پرونده بزرگ‌تر از ${fa(most)} بایت است: بخش‌بخش وارد کنید`,
  }),
  many: (most: number): Words => ({
    en: `${most} imports are under way: try again when some are done`,
    fa: `${fa(most)} ورود در جریان است: پس از پایان برخی دوباره تلاش کنید`,
  }),
  offset: (received: number, bytes: number): Words => ({
    en: `the file has come up to byte ${received} of ${bytes}: go on from there`,
    fa: `پرونده تا بایت ${fa(received)} از ${fa(bytes)} رسیده است: از همان‌جا ادامه دهید`,
  }),
  notDone: (id: string, state: ImportState): Words => ({
    en: `import ${id} is ${state}: only one that is done can be undone`,
    fa: `ورود ${id} در حالت ${state} است: فقط ورود انجام‌شده لغو می‌شود`,
  }),
};
