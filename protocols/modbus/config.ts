/** The schema of one Modbus entry of agent.yaml. It imports no library: the agent reads it even where no Modbus is used. */
import { z } from 'zod';
import { tagConfigSchema } from '../tag-config.ts';

/** Which table of the device, and so which function code reads it (Modbus 6.1 to 6.4). */
export const tables = ['coil', 'discrete', 'holding', 'input'] as const;
export type Table = (typeof tables)[number];

/**
 * Order of the bytes on the wire, A being the most significant. It is two choices: whether the words of a value come
 * last first (CDAB, DCBA), and whether the two bytes of every word are swapped (BADC, DCBA). So it holds for values
 * of one and of four words too: CDAB of a 64-bit value is GHEFCDAB, and BADC of a 16-bit value is BA.
 */
export const byteOrders = ['ABCD', 'DCBA', 'BADC', 'CDAB'] as const;
export type ByteOrder = (typeof byteOrders)[number];

/** Registers that a value of each format takes; a bit is one coil or part of one register. */
export const wordsOf = {
  uint16: 1,
  int16: 1,
  uint32: 2,
  int32: 2,
  float32: 2,
  uint64: 4,
  int64: 4,
  float64: 4,
  bit: 1,
} as const;
export type Format = keyof typeof wordsOf;

export const isBitTable = (table: Table): boolean => table === 'coil' || table === 'discrete';

const tagSchema = tagConfigSchema
  .extend({
    table: z.enum(tables),
    /** From 0, as on the wire: holding register 40001 of older manuals is address 0. */
    address: z.int().min(0).max(65_535),
    format: z.enum(Object.keys(wordsOf) as [Format, ...Format[]]),
    /** Which bit of the register, 0 being the least significant. */
    bit: z.int().min(0).max(15).optional(),
    /** Instead of the device's. */
    byteOrder: z.enum(byteOrders).optional(),
    /** value = raw × scale + offset; makes the tag a float. Counters keep their raw value and use `counter.scale`. */
    scale: z.number().optional(),
    offset: z.number().optional(),
  })
  .superRefine((tag, issues) => {
    const mistake = (key: keyof typeof tag, message: string) =>
      issues.addIssue({ code: 'custom', path: [key], message });
    const bits = isBitTable(tag.table);
    if (bits && tag.format !== 'bit') mistake('format', `a ${tag.table} holds bits: the format must be bit`);
    if (bits && tag.bit !== undefined) mistake('bit', `a ${tag.table} is one bit: leave bit out`);
    if (!bits && tag.format === 'bit' && tag.bit === undefined)
      mistake('bit', 'say which bit of the register, 0 to 15');
    if (!bits && tag.format !== 'bit' && tag.bit !== undefined) mistake('bit', 'only format bit has a bit');
    if (tag.format === 'bit' && (tag.scale ?? tag.offset) !== undefined) mistake('format', 'a bit cannot be scaled');
    if (tag.scale === 0) mistake('scale', 'must not be 0');
    if (tag.address + wordsOf[tag.format] > 65_536)
      mistake('address', `${tag.format} does not fit below address 65536`);
  });
export type ModbusTag = z.infer<typeof tagSchema>;

const deviceSchema = z.strictObject({
  /** Unit id, also called slave address; 255 for a device that is addressed by its IP address alone. */
  unit: z
    .int()
    .min(1)
    .max(255)
    .refine((unit) => unit <= 247 || unit === 255, 'must be 1 to 247, or 255'),
  byteOrder: z.enum(byteOrders).default('ABCD'),
  intervalMs: z.int().min(10).max(3_600_000).default(1000),
  tags: z.array(tagSchema).min(1).max(10_000),
});

export const modbusSourceSchema = z
  .strictObject({
    kind: z.literal('modbus'),
    id: z
      .string()
      .max(64)
      .regex(/^[a-z0-9_-]+$/, 'must be one lower-case word'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535).default(502),
    /** For the connection and for every reply. */
    timeoutMs: z.int().min(50).max(60_000).default(1000),
    /** Most registers that the device gives in one reply. */
    maxRegisters: z.int().min(1).max(125).default(125),
    /** Registers that may be read for nothing to save a request. */
    maxGap: z.int().min(0).max(124).default(8),
    /** A unit may appear more than once, to read some of its tags at another interval. */
    devices: z.array(deviceSchema).min(1).max(1000),
  })
  .superRefine((config, issues) => {
    const paths = new Set<string>();
    for (const [d, device] of config.devices.entries()) {
      for (const [t, tag] of device.tags.entries()) {
        const at = ['devices', d, 'tags', t];
        if (paths.has(tag.path)) {
          issues.addIssue({ code: 'custom', path: [...at, 'path'], message: `"${tag.path}" is there twice` });
        }
        paths.add(tag.path);
        if (wordsOf[tag.format] > config.maxRegisters) {
          const message = `${tag.format} takes ${wordsOf[tag.format]} registers, more than maxRegisters`;
          issues.addIssue({ code: 'custom', path: [...at, 'format'], message });
        }
      }
    }
  });
export type ModbusConfig = z.infer<typeof modbusSourceSchema>;
