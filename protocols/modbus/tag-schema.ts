/** One tag as an operator writes it. What cannot be said key by key is in tag-mistakes.ts. */
import { z } from 'zod';
import { tagConfigSchema } from '../tag-config.ts';
import { maxWrittenAddress } from './address.ts';
import { byteOrders } from './byte-order.ts';
import { encodings, formats } from './format.ts';
import { tables } from './table.ts';

const invalidMistake = 'must be a number, or "0x…" in quotes';
const invalidSchema = z.union([z.number(), z.string().regex(/^(0x[0-9a-fA-F]{1,16}|-?\d{1,20})$/, invalidMistake)], {
  error: invalidMistake,
});

export const writtenTagSchema = tagConfigSchema.extend({
  /** May be left out with `addressing: modicon`, where the number tells. */
  table: z.enum(tables).optional(),
  /** The first holding register is 0, 1 or 40001: as `addressing` says. */
  address: z.int().min(0).max(maxWrittenAddress, `must be at most ${maxWrittenAddress}`),
  /** May be left out for coils and discrete inputs, which are bits. */
  format: z.enum(formats).optional(),
  /** Which bit of the register, 0 being the least significant. */
  bit: z.int().min(0).max(15).optional(),
  /** The number that these bits of the value make: `4-7`, 0 being the least significant. */
  bits: z
    .string()
    .regex(/^\d{1,2}(-|\.\.)\d{1,2}$/, 'must be the first and the last bit, like 4-7')
    .optional(),
  /** Registers that a string takes, two characters in each. */
  length: z.int().min(1).max(125).optional(),
  /** Of a string; ascii unless written. */
  encoding: z.enum(encodings).optional(),
  /** Instead of the device's: four letters, which hold for a value of any size, or exactly its own two or eight. */
  byteOrder: z.enum(byteOrders).optional(),
  /** Texts by number, `{ 0: stopped, 1: running }`. The tag is a string then, and any other number is Bad. */
  values: z.record(z.string().regex(/^-?\d{1,20}$/, 'must be a whole number'), z.string().min(1).max(100)).optional(),
  /**
   * What the device sends where it has no value: the number before scaling, or the bits of its registers (0x8000).
   * In quotes, "0x7fa00000", it is the bits of a float or of BCD too.
   */
  invalid: z.union([invalidSchema, z.array(invalidSchema).min(1).max(8)]).optional(),
  /** value = raw × scale + offset; makes the tag a float. Counters keep their raw value and use `counter.scale`. */
  scale: z.number().optional(),
  offset: z.number().optional(),
});
export type WrittenTag = z.infer<typeof writtenTagSchema>;
