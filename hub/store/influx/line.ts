/**
 * Samples → InfluxDB line protocol: one measurement `sample`, tags stream and tag, all fields of a sample in one line.
 * The value is `f` (every JavaScript number), `i` (int64 beyond 2^53), `u` (uint64 beyond int64, as text), `b` or `s`,
 * and none for a Bad sample; `n` is its number, `q` and `o` its quality and flags where they are not 0. Written here,
 * not by the official client, which rounds integers beyond 2^53.
 */
import type { SampleValue, TimeUs } from '../../../protocols/sample.ts';
import type { Piece } from '../storable.ts';

const maxInt64 = 9223372036854775807n;
const lastDigits = Array.from({ length: 1000 }, (_, index) => String(index).padStart(3, '0'));

export function encodeLines(pieces: readonly Piece[]): string {
  let lines = '';
  for (const { batch, from, to } of pieces) {
    const { tags, times, values, qualities, flags } = batch.samples;
    for (let index = from; index < to; index++) {
      lines += `sample,stream=${batch.stream},tag=${tags[index]} ${valueField(values[index]!)}n=${batch.numbers[index]}i`;
      if (qualities[index] !== 0) lines += `,q=${qualities[index]}i`;
      if (flags[index] !== 0) lines += `,o=${flags[index]}i`;
      lines += ` ${timestampOf(times[index]!, batch.numbers[index]!)}\n`;
    }
  }
  return lines;
}

/** ns; the number's last digits keep two samples of one tag in the same µs apart, the same way on every rewrite (R12). */
const timestampOf = (time: TimeUs, number: number): string => `${time}${lastDigits[number % 1000]}`;

function valueField(value: SampleValue): string {
  switch (typeof value) {
    case 'number':
      return `f=${value},`;
    case 'bigint':
      return value <= maxInt64 ? `i=${value}i,` : `u="${value}",`;
    case 'boolean':
      return value ? 'b=true,' : 'b=false,';
    case 'string':
      return `s="${value.replace(/["\\]/g, '\\$&')}",`;
    default:
      return '';
  }
}
