/** What an answer without rows says: why that may be, and what to do. */
import type { Words } from '../../words.ts';

export const nothingStored: Words = {
  en: 'nothing is stored of this range: ask for another one, or see /connectivity whether data have come',
  fa: 'از این بازه چیزی ذخیره نشده است؛ بازهٔ دیگری بخواهید یا در /connectivity ببینید داده رسیده است یا نه',
};

export const nothingOfficial: Words = {
  en: 'no report is issued of a month in this range: official figures begin with it, and /reports lists what there is',
  fa: 'برای هیچ ماهی از این بازه گزارشی صادر نشده است؛ ارقام رسمی با آن آغاز می‌شوند و فهرست در /reports است',
};

/** @param parts of the plant file, one of which would do */
export const undeclared = (...parts: readonly string[]): Words => ({
  en: `no plant model in sight says anything of this: add ${parts.map((part) => `"${part}"`).join(' or ')} to the plant file and apply it (payesh-hub plant apply)`,
  fa: `هیچ مدل کارخانه‌ای در این باره چیزی نمی‌گوید؛ ${parts.map((part) => `«${part}»`).join(' یا ')} را به پروندهٔ کارخانه بیفزایید و اعمال کنید (payesh-hub plant apply)`,
});

export const noMeterTree: Words = {
  en: 'no electricity meter of the range has others below it: declare "parent" at the sub-meters in the plant file',
  fa: 'هیچ کنتور برقی زیرکنتور ندارد؛ در پروندهٔ کارخانه برای زیرکنتورها «parent» را تعریف کنید',
};

export const nothingRestated: Words = {
  en: 'nothing was restated since then; keep next_since and ask again later',
  fa: 'از آن هنگام چیزی اصلاح نشده است؛ next_since را نگه دارید و بعداً دوباره بپرسید',
};
