/**
 * What in the configuration would make the agent say what the display shows: another byte order or format of the same
 * registers, or another power of ten. Pure.
 */
import { type Decoding, decodingsOf } from '../../protocols/modbus/decodings.ts';
import type { ModbusTag } from '../../protocols/modbus/device.ts';
import { type ApiValue, type Comparable, compare, type Seen } from './compare.ts';

export interface Suggestion {
  /** Keys of the tag in the configuration, nested ones with a dot; `from` is empty where nothing was set. */
  readonly changes: readonly { readonly key: string; readonly from: string; readonly to: string }[];
  /** What the tag would be, in its unit. */
  readonly value: ApiValue;
}

export type Registers = Pick<ModbusTag, 'format' | 'byteOrder' | 'scale' | 'offset'>;

/** The likeliest first: what changes the least. */
export function suggest(tag: Comparable, registers: Registers, words: readonly number[], seen: Seen): Suggestion[] {
  const orders: Suggestion[] = [];
  const formats: Suggestion[] = [];
  for (const decoding of decodingsOf(words)) {
    const { format, byteOrder } = decoding;
    const value = decodedValue(decoding, registers);
    if (value === null || compare(tag, { ...seen, values: [value] }).agrees !== true) continue;
    // As it is configured, the device itself says what the display shows: what the agent has is older.
    if (format === registers.format && byteOrder === registers.byteOrder) return [];
    const order = { key: 'byteOrder', from: registers.byteOrder, to: byteOrder };
    const changes = byteOrder === registers.byteOrder ? [] : [order];
    const suggestion = { value: typeof value === 'number' ? value * tag.scale : value };
    if (format === registers.format) orders.push({ ...suggestion, changes });
    else formats.push({ ...suggestion, changes: [{ key: 'format', from: registers.format, to: format }, ...changes] });
  }
  return [...orders, ...suggestScale(tag, seen, registers), ...formats];
}

/** Another power of ten: of a counter's unit per count, or of what the value is multiplied by. */
export function suggestScale(
  tag: Comparable,
  seen: Seen,
  registers?: Pick<Registers, 'scale' | 'offset'>,
): Suggestion[] {
  const newest = seen.values.at(-1);
  if (typeof newest !== 'number' || newest === 0 || (!tag.counts && !registers) || registers?.offset) return [];
  const found: Suggestion[] = [];
  for (let power = -6; power <= 6; power++) {
    if (power === 0) continue;
    const scale = tidy(tag.scale * 10 ** power);
    if (compare({ ...tag, scale }, seen).agrees !== true) continue;
    const value = tidy(newest * scale);
    const before = registers?.scale;
    const change = tag.counts
      ? { key: 'counter.scale', from: String(tag.scale), to: String(scale) }
      : {
          key: 'scale',
          from: before === undefined ? '' : String(before),
          to: String(tidy((before ?? 1) * 10 ** power)),
        };
    found.push({ changes: [change], value });
  }
  return found;
}

/** For people: `byteOrder: CDAB gives 231.4`. */
export const suggestionText = ({ changes, value }: Suggestion): string =>
  `${changes.map(({ key, to }) => `${key}: ${to}`).join(', ')} gives ${value}`;

/** As the agent would measure it: scaled, but a counter's raw count. */
function decodedValue({ value }: Decoding, { scale, offset }: Registers): ApiValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (scale === undefined && offset === undefined) return typeof value === 'bigint' ? String(value) : value;
  return tidy(Number(value) * (scale ?? 1) + (offset ?? 0));
}

const tidy = (value: number): number => Number(value.toPrecision(12));
