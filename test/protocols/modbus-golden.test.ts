/**
 * Golden folders: a device class, its registers, and what must become of them. A case is `config.yaml` with
 * `registers.txt` and `expected.json`, or with `error.txt`. `UPDATE_GOLDEN=1` writes what is; read it before keeping it.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseYaml } from '../../config/load.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { type ModbusConfig, modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { type Block, planReads, splitBlock } from '../../protocols/modbus/plan.ts';
import { isBitTable } from '../../protocols/modbus/table.ts';
import { modbusTags } from '../../protocols/modbus/tags.ts';
import type { SampleValue } from '../../protocols/sample.ts';

const root = join(import.meta.dirname, '../fixtures/modbus');
const isUpdate = process.env.UPDATE_GOLDEN === '1';

for (const name of globSync('*', { cwd: root }).sort()) {
  const fileOf = (file: string) => join(root, name, file);
  const textOf = (file: string) => readFileSync(fileOf(file), 'utf8');
  t.test(`golden case ${name}`, async (t) => {
    const parse = () => parseYaml(textOf('config.yaml'), 'config.yaml', modbusSourceSchema, {});
    if (!existsSync(fileOf('registers.txt'))) {
      const error = errorOf(parse);
      if (isUpdate) writeFileSync(fileOf('error.txt'), `${error}\n`);
      t.equal(error, textOf('error.txt').trim());
      return;
    }
    const actual = reportOf(parse(), registersOf(textOf('registers.txt')));
    if (isUpdate) writeFileSync(fileOf('expected.json'), `${JSON.stringify(actual, null, 2)}\n`);
    t.strictSame(actual, JSON.parse(textOf('expected.json')));
  });
}

function errorOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return `${error.path} ${error.message}`;
  }
  return 'no error';
}

/** Registers by `unit table address`. */
type Image = ReadonlyMap<string, number>;

/** `unit table address: words in hexadecimal, or bits`. */
function registersOf(text: string): Image {
  const image = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, place, address, words] = /^(\d+ \w+) (\d+): (.*)$/.exec(line) ?? [];
    for (const [i, word] of (words?.split(' ') ?? []).entries())
      image.set(`${place} ${Number(address) + i}`, Number.parseInt(word, 16));
  }
  return image;
}

function reportOf(config: ModbusConfig, image: Image) {
  const values = new Map<string, SampleValue>();
  const requests: string[] = [];
  for (const { unit, intervalMs, timeoutMs, pauseMs, blocks } of planReads(config)) {
    for (const block of blocks) {
      const { table, address, count } = block;
      requests.push(`unit ${unit}: ${count} of ${table} ${address} every ${intervalMs} ms (${timeoutMs}, ${pauseMs})`);
      read(block, unit, image, values);
    }
  }
  const tags = modbusTags(config).map(({ path, address, type, intervalMs }) => {
    const value = values.get(path);
    return [path, { address, type, intervalMs, value: typeof value === 'bigint' ? `${value} exactly` : value }];
  });
  return { requests, tags: Object.fromEntries(tags) as object };
}

/** A device refuses a block where one of its registers is absent; so it is halved as the driver does it. */
function read(block: Block, unit: number, image: Image, values: Map<string, SampleValue>): void {
  const words = Array.from({ length: block.count }, (_, i) => image.get(`${unit} ${block.table} ${block.address + i}`));
  if (words.includes(undefined)) {
    const halves = splitBlock(block);
    for (const half of halves ?? []) read(half, unit, image, values);
    if (!halves) for (const { path } of block.tags) values.set(path, 'refused');
    return;
  }
  const data = Buffer.alloc(block.count * 2);
  for (const [i, word] of words.entries()) {
    if (isBitTable(block.table)) data[i >> 3]! |= word! << (i & 7);
    else data.writeUInt16BE(word!, i * 2);
  }
  for (const tag of block.tags) values.set(tag.path, tag.decode(data, tag.address - block.address));
}
