/**
 * Which blocks to read so that every tag is read once with few requests. Pure.
 * Neighbours share a block while it stays within one reply and no gap in it is wider than allowed.
 */
import { type ByteOrder, type Format, isBitTable, type ModbusConfig, type Table, wordsOf } from './config.ts';

/** Coils or discrete inputs in one reply (Modbus 6.1, 6.2). */
export const maxBits = 2000;

export interface PlannedTag {
  readonly path: string;
  readonly table: Table;
  readonly address: number;
  /** Registers, or 1 coil. */
  readonly size: number;
  readonly format: Format;
  readonly byteOrder: ByteOrder;
  readonly bit: number;
  readonly scale?: number | undefined;
  readonly offset?: number | undefined;
}

/** One request: `count` registers or bits from `address` on. */
export interface Block {
  readonly table: Table;
  readonly address: number;
  readonly count: number;
  /** By address. */
  readonly tags: readonly PlannedTag[];
}

/** What is read from one unit at one interval. */
export interface PollGroup {
  readonly unit: number;
  readonly intervalMs: number;
  readonly blocks: readonly Block[];
}

export function planReads(config: ModbusConfig): PollGroup[] {
  return config.devices.map((device) => {
    const tags = device.tags.map((tag): PlannedTag => {
      const { path, table, address, format, bit = 0, byteOrder = device.byteOrder, scale, offset } = tag;
      return { path, table, address, size: wordsOf[format], format, byteOrder, bit, scale, offset };
    });
    const byTable = Map.groupBy(tags, (tag) => tag.table);
    const blocks = [...byTable.values()].flatMap((ofTable) => coalesce(ofTable, config));
    return { unit: device.unit, intervalMs: device.intervalMs, blocks };
  });
}

function coalesce(tags: readonly PlannedTag[], { maxRegisters, maxGap }: ModbusConfig): Block[] {
  const bits = isBitTable(tags[0]!.table);
  const maxCount = bits ? maxBits : maxRegisters;
  // Sixteen bits cost as much of a reply as one register.
  const gap = bits ? maxGap * 16 : maxGap;

  const runs: PlannedTag[][] = [];
  let start = 0;
  let end = 0;
  for (const tag of tags.toSorted((a, b) => a.address - b.address || a.size - b.size)) {
    const newEnd = Math.max(end, tag.address + tag.size);
    if (runs.length > 0 && tag.address - end <= gap && newEnd - start <= maxCount) {
      runs.at(-1)!.push(tag);
      end = newEnd;
    } else {
      runs.push([tag]);
      start = tag.address;
      end = tag.address + tag.size;
    }
  }
  return runs.map(blockOf);
}

/** The smallest block that holds these tags of one table, which are in order of address. */
function blockOf(tags: readonly PlannedTag[]): Block {
  const { table, address } = tags[0]!;
  const end = Math.max(...tags.map((tag) => tag.address + tag.size));
  return { table, address, count: end - address, tags };
}

/** The two halves of a block that the device refused as a whole; undefined when it holds but one tag. */
export function splitBlock({ tags }: Block): [Block, Block] | undefined {
  if (tags.length < 2) return undefined;
  const middle = tags.length >> 1;
  return [blockOf(tags.slice(0, middle)), blockOf(tags.slice(middle))];
}
