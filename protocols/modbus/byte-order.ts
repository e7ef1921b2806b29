/**
 * The order of a value's bytes on the wire, written as letters, A being the most significant. Devices differ in three
 * choices: the two bytes of every word swapped, the two words of every 32 bits swapped, the two halves of 64 bits
 * swapped. So there are two orders of 16 bits, four of 32 and eight of 64, and these are all.
 */
export const orders16 = ['AB', 'BA'] as const;
export const orders32 = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export const orders64 = [
  // Most significant word first, and last.
  'ABCDEFGH',
  'GHEFCDAB',
  // The same with the bytes of each word swapped.
  'BADCFEHG',
  'HGFEDCBA',
  // Two 32-bit values in a row: each of them CDAB, or the less significant one first, or that with swapped bytes.
  'CDABGHEF',
  'EFGHABCD',
  'DCBAHGFE',
  'FEHGBADC',
] as const;
export const byteOrders = [...orders16, ...orders32, ...orders64] as const;
export type ByteOrder = (typeof byteOrders)[number];

/** What a device is set to, for values of every size. */
export type DeviceOrder = (typeof orders32)[number];

const extended: Readonly<Record<DeviceOrder, Readonly<Record<2 | 4 | 8, ByteOrder>>>> = {
  ABCD: { 2: 'AB', 4: 'ABCD', 8: 'ABCDEFGH' },
  CDAB: { 2: 'AB', 4: 'CDAB', 8: 'GHEFCDAB' },
  BADC: { 2: 'BA', 4: 'BADC', 8: 'BADCFEHG' },
  DCBA: { 2: 'BA', 4: 'DCBA', 8: 'HGFEDCBA' },
};

/** Four letters say it for every size: last word first or not, bytes of a word swapped or not. */
export function orderOfSize(order: ByteOrder, bytes: 2 | 4 | 8): ByteOrder | undefined {
  if (order.length === bytes) return order;
  return order.length === 4 ? extended[order as DeviceOrder][bytes] : undefined;
}

/** Where on the wire each byte stands, from the most significant on. */
export const wirePositions = (order: ByteOrder): readonly number[] =>
  [...order].map((_, i) => order.indexOf('ABCDEFGH'[i]!));
