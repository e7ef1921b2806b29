/** Devices and tags as the configuration means them, however it was written: what is planned, decoded and declared. */
import type { ByteOrder } from './byte-order.ts';
import type { Format } from './format.ts';
import type { Table } from './table.ts';
import type { WrittenTag } from './tag-schema.ts';

export interface ModbusTag extends Omit<WrittenTag, 'table' | 'address' | 'format' | 'byteOrder' | 'invalid'> {
  readonly table: Table;
  /** From 0, as on the wire. */
  readonly address: number;
  readonly format: Format;
  /** As many letters as the format has bytes. */
  readonly byteOrder: ByteOrder;
  readonly invalid?: readonly (number | string)[] | undefined;
}

export interface ModbusDevice {
  readonly unit: number;
  readonly name?: string | undefined;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly pauseMs: number;
  readonly maxRegisters: number;
  readonly maxGap: number;
  readonly tags: readonly ModbusTag[];
}
