/**
 * Which blocks to read so that every tag is read once with as few requests as can be. Pure.
 * Neighbours share a block while it stays within one reply and no gap in it is wider than allowed.
 */
import { createDecoder, type Decoder } from './decoder.ts';
import type { ModbusDevice, ModbusTag } from './device.ts';
import { sizeOf } from './format.ts';
import { isBitTable, type Table } from './table.ts';

export interface PlannedTag {
  /** What its samples are numbered with; 0 where nothing is to be read. */
  readonly id: number;
  readonly path: string;
  readonly table: Table;
  readonly address: number;
  /** Registers, or 1 coil. */
  readonly size: number;
  readonly decode: Decoder;
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
  readonly timeoutMs: number;
  readonly pauseMs: number;
  readonly blocks: readonly Block[];
}

type Limits = Pick<ModbusDevice, 'maxRegisters' | 'maxGap'>;

/** Entries of a device that are read alike share their requests. `idOf`: the id of a tag, by its path. */
export function planReads(
  config: { readonly devices: readonly ModbusDevice[] },
  idOf: (path: string) => number = () => 0,
): PollGroup[] {
  const alike = Map.groupBy(config.devices, ({ name, tags, ...settings }) => JSON.stringify(settings));
  return [...alike.values()].map((devices) => {
    const { unit, intervalMs, timeoutMs, pauseMs, ...limits } = devices[0]!;
    const tags = devices.flatMap((device) => device.tags).map((tag) => planned(tag, idOf(tag.path)));
    const byTable = Map.groupBy(tags, (tag) => tag.table);
    const blocks = [...byTable.values()].flatMap((ofTable) => coalesce(ofTable, limits));
    return { unit, intervalMs, timeoutMs, pauseMs, blocks };
  });
}

const planned = (tag: ModbusTag, id: number): PlannedTag => {
  const { path, table, address } = tag;
  return { id, path, table, address, size: sizeOf(tag), decode: createDecoder(tag) };
};

/**
 * From the lowest address on, each block takes what it can. No other grouping needs fewer requests: a tag that does not
 * fit reaches beyond every tag that the block could still take, so those cost its own block nothing.
 */
function coalesce(tags: readonly PlannedTag[], { maxRegisters, maxGap }: Limits): Block[] {
  // Sixteen bits are as much of a reply as one register.
  const perRegister = isBitTable(tags[0]!.table) ? 16 : 1;
  const maxCount = maxRegisters * perRegister;
  const gap = maxGap * perRegister;

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
  const end = tags.reduce((furthest, tag) => Math.max(furthest, tag.address + tag.size), 0);
  return { table, address, count: end - address, tags };
}

/**
 * The two halves of a block that the device refused as a whole: cut at the widest gap near its middle, since registers
 * that no tag names are the likeliest not to be there. undefined when all its tags are at one and the same place.
 */
export function splitBlock({ tags }: Block): [Block, Block] | undefined {
  const middle = tags.length / 2;
  const cuts: { at: number; gap: number; offCentre: number }[] = [];
  let end = 0;
  for (const [at, tag] of tags.entries()) {
    const before = tags[at - 1];
    if (before && (before.address !== tag.address || before.size !== tag.size))
      cuts.push({ at, gap: Math.max(0, tag.address - end), offCentre: Math.abs(at - middle) });
    end = Math.max(end, tag.address + tag.size);
  }
  if (cuts.length === 0) return undefined;

  const central = cuts.filter(({ offCentre }) => offCentre <= middle / 2);
  const { at } = (central.length > 0 ? central : cuts).reduce((best, cut) =>
    cut.gap > best.gap || (cut.gap === best.gap && cut.offCentre < best.offCentre) ? cut : best,
  );
  return [blockOf(tags.slice(0, at)), blockOf(tags.slice(at))];
}
