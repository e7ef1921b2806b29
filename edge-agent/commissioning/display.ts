/**
 * What a technician types from a meter's display, as a number: digits of three scripts, the separators of Iran and of
 * Europe, a unit behind it. A display cuts or rounds to the digits that it has, so how many there were is kept.
 */

export interface DisplayNumber {
  readonly value: number;
  /** Value of one step of the last digit shown: 0.1 for `231.4`. */
  readonly step: number;
}

export interface Display {
  /** The readings that the text may stand for: `1,234` is two. Empty when it is no number. */
  readonly numbers: readonly DisplayNumber[];
  /** What stood behind the number. */
  readonly unit: string;
  /** The text itself, with digits 0–9 and without marks that have no width. */
  readonly text: string;
}

const longest = 200;
/** Sign, digits with separators, power of ten, and the sign where a display has it behind. */
const number = /^([-+−]?)\s*(\d(?:[\d.,٫٬'’/]|[\s\u202f](?=\d{3}(?!\d)))*)(e[-+]?\d{1,3})?([-−]?)/iu;

export function readDisplay(typed: string): Display {
  const text = latinDigits(typed.slice(0, longest))
    .replaceAll(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
    .trim();
  const [whole = '', sign, digits, exponent, behind] = number.exec(text) ?? [];
  if (digits === undefined) return { numbers: [], unit: '', text };
  const minus = /[-−]/.test(sign + behind!) ? -1 : 1;
  const power = exponent ? 10 ** Number(exponent.slice(1)) : 1;
  const numbers = plainNumbers(digits).map((plain): DisplayNumber => {
    const decimals = plain.split('.')[1]?.length ?? 0;
    return { value: minus * Number(plain) * power, step: 10 ** -decimals * power };
  });
  return { numbers, unit: text.slice(whole.length).trim(), text };
}

/** ۰–۹ (Persian) and ٠–٩ (Arabic) as 0–9. */
const latinDigits = (text: string): string =>
  text.replaceAll(/[۰-۹٠-٩]/g, (digit) => String(digit.charCodeAt(0) & 0xf));

/** Digits with separators as digits with at most one point. */
function plainNumbers(digits: string): string[] {
  const joined = digits
    .replaceAll(/[\s\u202f٬'’]/g, '')
    .replace('٫', '.')
    .replace('/', '.');
  const points = joined.match(/[.,]/g) ?? [];
  if (points.length === 0) return [joined];
  const last = points.at(-1)!;
  const grouped = /^\d{1,3}([.,]\d{3})+$/.test(joined);
  if (points.length > 1) {
    if (points.every((point) => point === last)) return grouped ? [joined.replaceAll(last, '')] : [];
    const at = joined.lastIndexOf(last);
    const before = joined.slice(0, at).replaceAll(/[.,]/g, '');
    return joined.slice(0, at).includes(last) ? [] : [`${before}.${joined.slice(at + 1)}`];
  }
  const decimal = joined.replace(',', '.');
  return last === ',' && grouped ? [joined.replace(',', ''), decimal] : [decimal];
}
