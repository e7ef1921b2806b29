/**
 * The manifest: what the tag ids of a stream mean. Sent after hello and before data whenever the hub does not hold
 * its revision. A tag whose type, unit or address changes is a new tag with a new id; the hub keeps every revision.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';

/**
 * What a tag is to the plant model (kpi.md §5.2 `tag_binding`). `process` is any other measured value.
 * The `health_*` roles are the reserved tags of each source, from which completeness and unknown time are computed.
 */
export const tagRoles = [
  'state',
  'count_total',
  'count_good',
  'count_scrap',
  'kwh_import',
  'p_kw',
  'q_kvar',
  'power_factor',
  'gas_pulse',
  'alarm',
  'process',
  'health_session',
  'health_through',
  'health_slots_good',
  'health_slots_bad',
  'health_slots_skipped',
  'health_lost',
] as const;
export type TagRole = (typeof tagRoles)[number];

/** How a counter behaves (kpi.md R6). The agent sends its raw value; the scale is applied after the delta. */
export const counterSchema = z.strictObject({
  /** The raw value after modulus - 1 is 0; absent where it never rolls over. */
  modulus: z.number().positive().optional(),
  /** Unit per raw count: pulse weight, register resolution, CT × VT ratio. */
  scale: z.number().positive().default(1),
  /** Fastest possible growth, raw counts per second: what is beyond it is suspect. */
  maxRatePerS: z.number().positive().optional(),
});
export type Counter = z.infer<typeof counterSchema>;

/** ISA-95 path below the site, ASCII lower case: `machining/line-1/cnc-01/state`. */
export const tagPathSchema = z
  .string()
  .max(200)
  .regex(/^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/, 'must be lower-case words joined by /');

export const manifestTagSchema = z.strictObject({
  id: z.int().min(1).max(0xffffffff),
  path: tagPathSchema,
  type: z.enum(['float', 'int', 'bool', 'string']),
  unit: z.string().max(20),
  role: z.enum(tagRoles),
  /** Id of the source that measures it. */
  source: z.string().max(64),
  /** Nominal time between two measurements. */
  intervalMs: z.number().positive(),
  counter: counterSchema.optional(),
  /**
   * Stands for the address that is read (`definitionOf`). When it changes, another thing is measured: a new tag, with a
   * new id, so that each sample stays bound to what was read, and to the commissioning sheet that vouches for it.
   */
  definition: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  /** No longer measured; kept because older samples of the stream bear its id. */
  retired: z.literal(true).optional(),
});
export type ManifestTag = z.infer<typeof manifestTagSchema>;

export const manifestSchema = z.strictObject({
  epoch: z.string().regex(/^[0-9a-f]{32}$/),
  revision: z.int().min(1).max(0xffffffff),
  /** Path of the site that all tag paths are below: `eaz/sahand/machining-plant`. */
  site: tagPathSchema,
  tags: z.array(manifestTagSchema).max(100_000),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Ten thousand tags of ordinary paths come to a few MB of JSON, and compressed to a small part of a packet. */
const maxManifestBytes = 32 * 1024 * 1024;

/** With zstd's checksum: a changed byte would give another meaning to every sample of a tag. */
export const encodeManifest = (manifest: Manifest): Buffer =>
  zstdCompressSync(JSON.stringify(manifest), { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

/** undefined when the bytes are no manifest: what a stranger sends never throws. */
export function decodeManifest(bytes: Uint8Array): Manifest | undefined {
  try {
    const text = zstdDecompressSync(bytes, { maxOutputLength: maxManifestBytes }).toString();
    return manifestSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
