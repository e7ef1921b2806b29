/** Numbers, times and ages as each language writes them. Times are the plant's: Tehran, in the calendar of the language. */

const zone = 'Asia/Tehran';
const locales = { en: 'en-GB', fa: 'fa-IR' };

export function createFormat(lang, words) {
  const locale = locales[lang];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const plain = new Intl.NumberFormat(locale, { maximumFractionDigits: 0, useGrouping: false });
  const decimal = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const ratio = new Intl.NumberFormat(locale, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(locale, {
    timeZone: zone,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const minute = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: '2-digit', minute: '2-digit' });
  const date = new Intl.DateTimeFormat(lang === 'fa' ? 'fa-IR-u-ca-persian' : locale, {
    timeZone: zone,
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  });

  /** «دوشنبه ۱۶ تیر ۱۴۰۴»: Intl alone puts the parts in another order. */
  const day = (time) => {
    const parts = Object.fromEntries(date.formatToParts(time).map(({ type, value }) => [type, value]));
    return `${parts.weekday} ${parts.day} ${parts.month} ${parts.year}`;
  };

  return {
    count: (value) => whole.format(value),
    percent: (value) => ratio.format(value),
    time: (time) => clock.format(time),
    minute: (time) => minute.format(time),
    moment: (time) => `${day(time)} · ${clock.format(time)}`,
    /** A measured value, a counter's in its unit. Integers beyond 2^53 come as text and stay exact. */
    value(value, { type, role, scale }) {
      if (typeof value === 'boolean') return value ? '1' : '0';
      if (scale !== 1 && value !== null) return decimal.format(Number(value) * scale);
      if (type === 'int' && value !== null) return (role === 'state' ? plain : whole).format(BigInt(value));
      return typeof value === 'number' ? decimal.format(value) : String(value);
    },
    figure: (value) => decimal.format(value),
    /** In its greatest unit: one look is enough to tell fresh from old. */
    age(seconds) {
      const of = (amount, unit) => words.age(`${whole.format(Math.floor(amount))} ${words.units[unit]}`);
      if (seconds < 1) return words.justNow;
      if (seconds < 60) return of(seconds, 's');
      if (seconds < 3600) return of(seconds / 60, 'min');
      if (seconds < 172_800) return of(seconds / 3600, 'h');
      return of(seconds / 86_400, 'd');
    },
    delay(seconds) {
      if (seconds < 10) return `${decimal.format(Math.round(seconds * 10) / 10)} ${words.units.s}`;
      if (seconds < 120) return `${whole.format(seconds)} ${words.units.s}`;
      return `${whole.format(seconds / 60)} ${words.units.min}`;
    },
  };
}
