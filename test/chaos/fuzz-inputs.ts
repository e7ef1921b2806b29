/** What a fuzzer throws: real messages with something wrong in them, and garbage that is built like a message. */
import type { Random } from './random.ts';

/** Numbers at which something ends, as JSON writes them: some are beyond what a double can hold. */
const edges = ['0', '-0', '-1', '1', '0.5', '255', '256', '65536', '2147483648', '4294967295', '4294967296'];
const far = [
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '18446744073709551616',
  '1e308',
  '1e999',
  '-1e999',
];
const strange = [
  'null',
  'true',
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '[]',
  '{}',
  '[[]]',
  '"x"',
  'NaN',
  '{"__proto__":1}',
];
const tokens = [...edges, ...far, ...strange];

/** Bytes with something changed, cut out, put in, or doubled. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let changes = 1 + below(4, random); changes > 0; changes--) {
    const at = below(result.length + 1, random);
    const length = Math.min(result.length - at, 1 + below(16, random));
    switch (below(6, random)) {
      case 0:
        if (at < result.length) result[at]! ^= 1 << below(8, random);
        break;
      case 1:
        if (at < result.length) result[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, below(256, random)]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)]);
        break;
      case 3:
        result = Buffer.concat([result.subarray(0, at), noise(length + 1, random), result.subarray(at)]);
        break;
      case 4:
        result = Buffer.concat([result.subarray(0, at + length), result.subarray(at)]);
        break;
      default:
        result = result.subarray(0, at);
    }
  }
  return result;
}

/** JSON text with one of its values replaced, dropped, doubled, or swapped; or spoilt as text. */
export function mutateJson(text: string, random: Random): string {
  if (below(4, random) === 0) return mutateBytes(Buffer.from(text), random).toString();
  let result = text;
  for (let changes = 1 + below(3, random); changes > 0; changes--) {
    // A value or key is what lies between two marks of the grammar: found without parsing, right often enough.
    const marks = /[[\]{},:]/g;
    marks.lastIndex = below(result.length + 1, random);
    const from = marks.exec(result);
    const to = from && marks.exec(result);
    if (!from || !to) continue;
    const [before, value, after] = [
      result.slice(0, from.index + 1),
      result.slice(from.index + 1, to.index),
      result.slice(to.index),
    ];
    result = before + changed(value, random) + after;
  }
  return result;
}

function changed(value: string, random: Random): string {
  switch (below(8, random)) {
    case 0:
      return '';
    case 1:
      return `${value},${value}`;
    case 2:
      return `[${value}]`;
    case 3:
      return garbage(random, 3);
    case 4:
      return value.slice(below(value.length + 1, random));
    default:
      return random.pick(tokens);
  }
}

/** JSON of no message at all: nested, wide or deep. */
export function garbage(random: Random, depth = 5): string {
  if (depth === 0) return random.pick(tokens);
  switch (below(6, random)) {
    case 0:
      return `[${several(random, () => garbage(random, depth - 1))}]`;
    case 1:
      return `{${several(random, () => `"${random.pick(['t', 'g', 'v', 'q', 'f', 'x', 'epoch', 'tags', '__proto__'])}":${garbage(random, depth - 1)}`)}}`;
    case 2:
      return below(50, random) === 0 ? '['.repeat(1 + below(4000, random)) : random.pick(tokens);
    default:
      return random.pick(tokens);
  }
}

export const noise = (length: number, random: Random): Buffer =>
  Buffer.from(Array.from({ length }, () => below(256, random)));

const several = (random: Random, one: () => string): string => Array.from({ length: below(5, random) }, one).join(',');

export const below = (end: number, random: Random): number => Math.floor(random.next() * end);
