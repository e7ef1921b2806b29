/**
 * Does the display say what the agent has? Pure. The display is allowed what a display does: it cuts or rounds to its
 * digits, and it moves on while somebody reads it.
 */
import type { TagType } from '../../protocols/sample.ts';
import { type DisplayNumber, readDisplay } from './display.ts';
import { alike, convert } from './units.ts';

/** A value as the agent's API gives it: integers beyond 2^53 as digits. */
export type ApiValue = number | boolean | string | null;

export interface Comparable {
  readonly type: TagType;
  readonly unit: string;
  /** Unit per raw count, of a counter: 1 for others. */
  readonly scale: number;
  /** Counters only grow, and begin again after `modulus` - 1 raw counts. */
  readonly counts: boolean;
  readonly modulus?: number | undefined;
}

export interface Seen {
  /** The agent's values from before the technician looked until after; the last is the newest. */
  readonly values: readonly ApiValue[];
  readonly displayed: string;
  /** Absent: what stands behind the number, or else the tag's own. */
  readonly displayedUnit?: string | undefined;
  /** Allowed beside the display's own digits, in percent of what it shows. */
  readonly tolerancePercent: number;
}

export interface Comparison {
  /** null: only a person can tell. */
  readonly agrees: boolean | null;
  /** In the tag's unit. */
  readonly tolerance?: number;
  readonly unit?: string;
  /** Why it does not agree, where the figures themselves say it. */
  readonly hint?: string;
}

export function compare(tag: Comparable, seen: Seen): Comparison {
  const newest = seen.values.at(-1) ?? null;
  const display = readDisplay(seen.displayed);
  if (display.text === '') return { agrees: null };
  if (newest === null) return { agrees: false, hint: 'the agent has no value of this tag' };
  if (tag.type === 'bool') return compareSwitch(display.text, newest);
  if (tag.type === 'string') return { agrees: sameText(display.text, String(newest)) };
  if (display.numbers.length === 0) return { agrees: null };
  return compareNumbers(tag, seen, display.numbers, seen.displayedUnit || display.unit);
}

function compareNumbers(tag: Comparable, seen: Seen, numbers: readonly DisplayNumber[], shown: string): Comparison {
  const unit = shown || tag.unit;
  const conversion = convert(unit, tag.unit);
  if (!conversion) return { agrees: false, unit, hint: `${unit} cannot be compared with ${tag.unit || 'no unit'}` };
  const ranges = rangesOf(tag, seen.values);
  const candidates = numbers.map(({ value, step }) => {
    const inTagUnit = value * conversion.factor + conversion.offset;
    const oneStep = step * Math.abs(conversion.factor);
    const tolerance = tidy(oneStep + (Math.abs(inTagUnit) * seen.tolerancePercent) / 100);
    const slack = tolerance * (1 + 1e-9);
    const fits = ranges.some(([low, high]) => inTagUnit >= low - slack && inTagUnit <= high + slack);
    return { inTagUnit, tolerance, fits };
  });
  const best = candidates.find(({ fits }) => fits) ?? candidates[0]!;
  const result = { agrees: best.fits, tolerance: best.tolerance, unit };
  if (best.fits) return result;
  const hint = hintOf(best.inTagUnit, ranges[0]![1], tag, shown);
  return hint === undefined ? result : { ...result, hint };
}

/** What it may have shown while somebody read it, in the tag's unit: between its values, or on both sides of its roll-over. */
function rangesOf({ scale, counts, modulus }: Comparable, values: readonly ApiValue[]): (readonly [number, number])[] {
  const raw = values.filter((value) => value !== null).map(Number);
  const [first, last] = [raw[0]!, raw.at(-1)!];
  const inUnit = (low: number, high: number) => [tidy(low * scale), tidy(high * scale)] as const;
  if (counts && modulus !== undefined && last < first) return [inUnit(0, last), inUnit(first, modulus - 1)];
  return [inUnit(Math.min(...raw), Math.max(...raw))];
}

/** Powers of ten and units of the same quantity are what goes wrong most. */
function hintOf(displayed: number, value: number, { unit }: Comparable, shown: string): string | undefined {
  if (displayed === 0 || value === 0) return undefined;
  const near = (a: number, b: number) => Math.abs(a - b) <= Math.abs(b) * 0.02;
  if (near(displayed, -value)) return 'the sign is the other way round';
  if (shown === '' && unit !== '') {
    const other = alike(unit).find((name) => {
      const { factor, offset } = convert(name, unit)!;
      return (factor !== 1 || offset !== 0) && near(displayed * factor + offset, value);
    });
    if (other) return `it would agree if the display shows ${other}`;
  }
  const power = Math.round(Math.log10(Math.abs(displayed / value)));
  if (power !== 0 && Math.abs(power) <= 6 && near(displayed, value * 10 ** power)) {
    return `the display shows ${10 ** Math.abs(power)} times ${power > 0 ? 'more' : 'less'}`;
  }
  return undefined;
}

const on = /^(1|on|true|yes|open|running|روشن|بله|باز|وصل)$/i;
const off = /^(0|off|false|no|closed|stopped|خاموش|خیر|بسته|قطع)$/i;

function compareSwitch(text: string, value: ApiValue): Comparison {
  if (on.test(text)) return { agrees: value === true };
  if (off.test(text)) return { agrees: value === false };
  return { agrees: null };
}

const sameText = (a: string, b: string): boolean => foldText(a) === foldText(b);
const foldText = (text: string): string =>
  readDisplay(text).text.normalize('NFKC').replaceAll(/\s+/g, ' ').toLowerCase();

/** 0.1 × 3 is 0.3. */
const tidy = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(12)));
