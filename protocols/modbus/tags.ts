/** What a Modbus entry declares of its tags. */
import type { TagDeclaration } from '../tag-config.ts';
import { modiconNumber } from './address.ts';
import type { ModbusConfig } from './config.ts';
import { bitRange } from './decoder.ts';
import type { ModbusTag } from './device.ts';
import { sizeOf, typeOf } from './format.ts';
import { isBitTable } from './table.ts';

export const modbusTags = (config: ModbusConfig): TagDeclaration[] =>
  config.devices.flatMap(({ unit, intervalMs, tags }) =>
    tags.map((tag) => ({
      path: tag.path,
      type: typeOf(tag),
      unit: tag.unit,
      role: tag.role,
      intervalMs,
      counter: tag.counter,
      report: tag.report,
      range: tag.range,
      keep: tag.keep,
      address: describe(unit, tag),
      inspect: { kind: 'modbus' as const, unit, table: tag.table, address: tag.address, count: sizeOf(tag) },
    })),
  );

/** All that decides which value is read: `unit 1, holding 10 (40011), uint32 CDAB, ×0.1`. */
function describe(unit: number, tag: ModbusTag): string {
  const { bits, values, invalid, scale, offset } = tag;
  return [
    `unit ${unit}`,
    `${tag.table} ${tag.address} (${modiconNumber(tag)})`,
    formatOf(tag),
    bits && `bits ${bitRange(bits).join('-')}`,
    values &&
      Object.entries(values)
        .map(([number, text]) => `${number}=${text}`)
        .join(' '),
    invalid && `not ${invalid.join(' or ')}`,
    scale !== undefined && `×${scale}`,
    offset !== undefined && (offset < 0 ? `${offset}` : `+${offset}`),
  ]
    .filter(Boolean)
    .join(', ');
}

function formatOf({ table, format, byteOrder, bit, length, encoding = 'ascii' }: ModbusTag): string {
  if (isBitTable(table)) return 'bit';
  if (format === 'bit') return `bit ${bit} ${byteOrder}`;
  if (format === 'string') return `string of ${length} registers ${byteOrder} ${encoding}`;
  return `${format} ${byteOrder}`;
}
