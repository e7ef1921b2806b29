/**
 * Numbers, sizes, times and ages as each language writes them. Times are the plant's: Tehran, in the calendar of the
 * language. Runs in the browser and in the agent alike.
 */

const zone = 'Asia/Tehran';
const locales = { en: 'en-GB', fa: 'fa-IR' };
const halfYearMs = 182 * 86_400_000;
/** Decimal, as disks are sold. */
const sizes = {
  en: ['B', 'kB', 'MB', 'GB', 'TB'],
  fa: ['بایت', 'کیلوبایت', 'مگابایت', 'گیگابایت', 'ترابایت'],
};
const spans = {
  en: { d: 'd', h: 'h', min: 'min', s: 's', now: 'now', ago: (span) => `${span} ago`, and: ' ' },
  fa: { d: 'روز', h: 'ساعت', min: 'دقیقه', s: 'ثانیه', now: 'اکنون', ago: (span) => `${span} پیش`, and: ' و ' },
};

export function createFormat(lang) {
  const locale = locales[lang];
  const words = spans[lang];
  const number = (options) => new Intl.NumberFormat(locale, options);
  const date = (options) =>
    new Intl.DateTimeFormat(lang === 'fa' ? 'fa-IR-u-ca-persian' : locale, { timeZone: zone, ...options });
  const whole = number({ maximumFractionDigits: 0 });
  const plain = number({ maximumFractionDigits: 0, useGrouping: false });
  const decimal = number({ maximumFractionDigits: 3 });
  const significant = number({ maximumSignificantDigits: 7 });
  const scientific = number({ notation: 'scientific', maximumSignificantDigits: 6 });
  const short = number({ maximumSignificantDigits: 3 });
  const ratio = number({ style: 'percent', maximumFractionDigits: 0 });
  const clock = date({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const minute = date({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const day = date({ day: 'numeric', month: 'long', year: 'numeric' });
  const weekday = date({ weekday: 'long' });
  const dayKey = new Intl.DateTimeFormat('en-CA', { timeZone: zone });

  /** «۱۶ تیر ۱۴۰۴»: Intl alone puts the parts in another order. */
  const dayOf = (time) => {
    const parts = Object.fromEntries(day.formatToParts(time).map(({ type, value }) => [type, value]));
    return `${parts.day} ${parts.month} ${parts.year}`;
  };
  /** Without the year where nobody can take it for another one. */
  const shortDayOf = (time, now) => (now - time < halfYearMs ? dayOf(time).replace(/ \S+$/, '') : dayOf(time));
  const piece = (amount, unit) => `${whole.format(amount)}\u00a0${words[unit]}`;
  const pair = (seconds, size, unit, smaller, smallerUnit) => {
    const rest = Math.floor((seconds % size) / smaller);
    const first = piece(Math.floor(seconds / size), unit);
    return rest > 0 ? `${first}${words.and}${piece(rest, smallerUnit)}` : first;
  };
  /** In its two greatest units: «۲ ساعت و ۵ دقیقه». */
  const span = (seconds) => {
    if (seconds < 60) return piece(Math.max(0, Math.floor(seconds)), 's');
    if (seconds < 3600) return pair(seconds, 60, 'min', 60, 'min');
    if (seconds < 86_400) return pair(seconds, 3600, 'h', 60, 'min');
    return pair(seconds, 86_400, 'd', 3600, 'h');
  };

  return {
    lang,
    count: (value) => whole.format(value),
    percent: (value) => ratio.format(value),
    span,
    age: (seconds) => (seconds < 1 ? words.now : words.ago(span(seconds))),
    bytes(value) {
      const step = Math.min(sizes[lang].length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
      return `${short.format(value / 1000 ** step)}\u00a0${sizes[lang][step]}`;
    },
    /** Of µs. */
    time: (timeUs) => clock.format(timeUs / 1000),
    date: (timeUs) => dayOf(timeUs / 1000),
    moment: (timeUs) => `${weekday.format(timeUs / 1000)} ${dayOf(timeUs / 1000)} · ${clock.format(timeUs / 1000)}`,
    /** Of µs: the time alone where it is of today. */
    since: (timeUs, nowUs) =>
      dayKey.format(timeUs / 1000) === dayKey.format(nowUs / 1000)
        ? minute.format(timeUs / 1000)
        : `${shortDayOf(timeUs / 1000, nowUs / 1000)} · ${minute.format(timeUs / 1000)}`,
    /** A measured value. Integers beyond 2^53 come as text and stay exact. */
    value(value, type) {
      if (value === null) return '—';
      if (typeof value === 'boolean') return plain.format(Number(value));
      if (typeof value === 'string')
        return type === 'int' && /^-?\d+$/.test(value) ? whole.format(BigInt(value)) : value;
      const size = Math.abs(value);
      if (size !== 0 && (size < 1e-3 || size >= 1e12)) return scientific.format(value);
      return size < 1 ? significant.format(value) : decimal.format(value);
    },
  };
}
