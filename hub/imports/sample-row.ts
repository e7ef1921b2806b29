/** One row of a file of samples: which tag, when, which value of its type, how good. */
import {
  fitsType,
  isBad,
  normaliseInteger,
  quality,
  type SampleValue,
  type TagType,
  type TimeUs,
} from '../../protocols/sample.ts';
import { asciiDigits } from '../plant/digits.ts';
import { parseInstant } from '../plant/time-text.ts';
import type { Said } from '../words.ts';
import type { FaultOfTime } from './fault-of-time.ts';
import type { TextRow } from './read-csv.ts';

export const sampleColumns = ['tag', 'time', 'value'] as const;

export interface SampleRow {
  readonly line: number;
  /** Index of the tag among those of the import. */
  readonly tag: number;
  readonly time: TimeUs;
  readonly value: SampleValue;
  readonly quality: number;
}

export interface RowRefusal {
  readonly line: number;
  /** Short, the same for all rows of a kind: what they are counted by. */
  readonly kind: string;
  /** A sentence that says what to do; in English alone where an earlier program wrote it. */
  readonly reason: Said;
}

export const refusal = (line: number, kind: string, en: string, fa: string): RowRefusal => ({
  ...{ line, kind, reason: { en, fa } },
});

const qualities: Readonly<Record<string, number>> = {
  good: quality.good,
  uncertain: quality.uncertain,
  bad: quality.bad,
};

export interface RowContext {
  /** A full path, or one below the site. */
  find(path: string): { readonly index: number; readonly type: TagType } | undefined;
  /** Wall times without an offset are of it. */
  readonly zone: string;
  readonly now: TimeUs;
  /** Why a time cannot be taken. */
  readonly faultOfTime: FaultOfTime;
}

export function readSampleRow({ line, cells }: TextRow, context: RowContext): SampleRow | RowRefusal {
  const { tag: path, time: when } = cells;
  if (path === undefined || when === undefined) {
    return refusal(line, 'empty', 'has no tag or no time: fill it in', 'تگ یا زمان ندارد: کامل کنید');
  }
  const tag = context.find(path);
  if (!tag) {
    return refusal(
      line,
      'unknown tag',
      `"${path}" is no tag of the site: /tags lists them; an agent must have declared it`,
      `«${path}» تگ این کارخانه نیست: فهرست در /tags است؛ عاملی باید آن را معرفی کرده باشد`,
    );
  }
  const time = parseInstant(when, context.zone);
  if (time === undefined) {
    return refusal(
      line,
      'time',
      `"${when}" is no time: write 2025-07-07T06:00:00+03:30, or 1404-04-16 06:00 for wall time`,
      `«${when}» زمان نیست: مانند 2025-07-07T06:00:00+03:30 یا به وقت محلی 1404-04-16 06:00 بنویسید`,
    );
  }
  if (time > context.now) {
    const fa = `${when} هنوز نرسیده است: فقط گذشته وارد می‌شود`;
    return refusal(line, 'future', `${when} has not come yet: only the past can be imported`, fa);
  }
  const fault = context.faultOfTime(time);
  if (fault) return refusal(line, ...fault);
  const code = qualityOf(cells.quality ?? cells.severity);
  if (code === undefined) {
    return refusal(
      line,
      'quality',
      `"${cells.quality}" is no quality: good, uncertain, bad, or a status code`,
      `«${cells.quality}» کیفیت نیست: good، uncertain، bad یا کد وضعیت`,
    );
  }
  if (isBad(code)) return { line, tag: tag.index, time, value: null, quality: code };
  const text = cells.value_text ?? cells.value;
  if (text === undefined) {
    return refusal(
      line,
      'no value',
      'has no value: give one, or the quality bad',
      'مقدار ندارد: مقدار یا کیفیت bad بدهید',
    );
  }
  const value = readValue(text, tag.type);
  if (value === undefined) {
    const fa = `«${text}» از نوع ${tag.type} نیست که نوع تگ است`;
    return refusal(line, 'type', `"${text}" is no ${tag.type}, which the tag is`, fa);
  }
  return { line, tag: tag.index, time, value, quality: code };
}

function qualityOf(text: string | undefined): number | undefined {
  if (text === undefined) return quality.good;
  const known = qualities[text.toLowerCase()];
  if (known !== undefined) return known;
  const code = Number(asciiDigits(text));
  return Number.isInteger(code) && code >= 0 && code <= 0xffffffff ? code : undefined;
}

/** undefined: the text is no value of that type. */
export function readValue(text: string, type: TagType): SampleValue | undefined {
  switch (type) {
    case 'string':
      return text.isWellFormed() ? text : undefined;
    case 'bool': {
      const word = asciiDigits(text).toLowerCase();
      return word === 'true' || word === '1' ? true : word === 'false' || word === '0' ? false : undefined;
    }
    case 'int': {
      const digits = asciiDigits(text);
      if (!/^[+-]?\d{1,20}(\.0*)?$/.test(digits)) return undefined;
      const integer = BigInt(digits.replace(/\..*$/, ''));
      return integer >= -(2n ** 63n) && integer < 2n ** 64n ? normaliseInteger(integer) : undefined;
    }
    case 'float': {
      const decimal = asciiDigits(text);
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(decimal)) return undefined;
      const value = Number(decimal);
      return fitsType(value, type) ? value : undefined;
    }
  }
}
