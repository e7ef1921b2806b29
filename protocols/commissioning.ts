/**
 * The commissioning sheet: for each tag, what the device holds, what became of it, and what a technician read on the
 * device's own display. Signed by the agent that it was made at; from then on it can be proved unchanged.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { tagPathSchema } from './manifest.ts';
import { agentIdPattern } from './topics.ts';

/** More rows than this become several sheets: the hub takes a sheet whole. */
export const maxSheetRows = 2000;

const time = z.int().min(0);
const text = (length: number) => z.string().max(length);
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

/** Integers beyond 2^53 are strings of digits. */
const value = z.union([z.number(), z.string().max(4096), z.boolean(), z.null()]);

const measuredSchema = z.strictObject({
  value,
  time,
  /** OPC UA StatusCode. */
  quality: z.int().min(0).max(0xffffffff),
});

/**
 * `accepted`: the display says the same, or the technician states in the note why not. `corrected`: it says the same since
 * the configuration was changed. `rejected`: it does not. `skipped`: nobody looked.
 */
export const verdicts = ['accepted', 'corrected', 'rejected', 'skipped'] as const;
export type Verdict = (typeof verdicts)[number];

/** Why nothing could be read from the device just then. */
const rawReasons = ['disconnected', 'refused', 'unknown'] as const;
/** `not-asked`: no hub is configured. `unknown`: it has no such tag. `no-value`: nothing has arrived yet. */
const hubReasons = ['not-asked', 'unreachable', 'refused', 'unknown', 'no-value'] as const;
export type RawReason = (typeof rawReasons)[number];
export type HubReason = (typeof hubReasons)[number];

export const sheetRowSchema = z.strictObject({
  path: tagPathSchema,
  source: text(64),
  /** Of TagDeclaration. */
  address: text(20_000),
  type: z.enum(['float', 'int', 'bool', 'string']),
  unit: text(20),
  /** Unit per raw count, of a counter. */
  scale: z.number().positive().optional(),
  /** What the device holds, undecoded: registers as on the wire, or the node's value; null with `rawReason`. */
  raw: text(500).nullable(),
  rawReason: z.enum(rawReasons).optional(),
  /** The agent's newest measurement; null when it has none. A counter's is its raw count. */
  agentValue: measuredSchema.nullable(),
  hubValue: measuredSchema.nullable(),
  /** Why there is no value at the hub. */
  hubReason: z.enum(hubReasons).optional(),
  /** As the technician typed it; empty when skipped. */
  displayed: text(200),
  displayedUnit: text(20).optional(),
  /** Whether display and agent say the same within `tolerance`; null where only a person can tell. */
  agrees: z.boolean().nullable(),
  /** Largest difference that counts as the same, in the tag's unit; absent where no numbers were compared. */
  tolerance: z.number().min(0).optional(),
  verdict: z.enum(verdicts),
  /** What was changed in the configuration before the display and the agent agreed. */
  correction: z.strictObject({ key: text(100), from: text(100), to: text(100) }).optional(),
  note: text(500),
});
export type SheetRow = z.infer<typeof sheetRowSchema>;

export const sheetSchema = z
  .strictObject({
    version: z.literal(1),
    agent: z.string().regex(agentIdPattern),
    site: tagPathSchema,
    technician: z.strictObject({ name: z.string().trim().min(1).max(100), role: text(100).optional() }),
    startedAt: time,
    finishedAt: time,
    agentVersion: text(32),
    /** The configuration that ran: its number at the agent, and the SHA-256 of its files. */
    config: z.strictObject({ version: z.int().min(0), hash: fingerprint }),
    rows: z.array(sheetRowSchema).min(1).max(maxSheetRows),
    /** The agent's Ed25519 key: its 32 bytes in base64url, as in RFC 8037. */
    publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  })
  .refine(({ rows }) => new Set(rows.map(({ path }) => path)).size === rows.length, 'a tag stands there twice');
export type Sheet = z.infer<typeof sheetSchema>;

export const signedSheetSchema = z.strictObject({
  sheet: sheetSchema,
  /** SHA-256 of the sheet's canonical JSON; the sheet's name. */
  hash: fingerprint,
  /** Ed25519 over the same bytes, base64url. */
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});
export type SignedSheet = z.infer<typeof signedSheetSchema>;

export function signSheet(sheet: Sheet, privateKey: KeyObject): SignedSheet {
  const bytes = Buffer.from(canonicalJson(sheet));
  return { sheet, hash: sha256(bytes), signature: sign(null, bytes, privateKey).toString('base64url') };
}

/** What is wrong with a sheet that is not as it was signed; undefined when all is well. */
export function faultOfSheet({ sheet, hash, signature }: SignedSheet): string | undefined {
  const bytes = Buffer.from(canonicalJson(sheet));
  if (sha256(bytes) !== hash) return 'the hash is of another content: the sheet was changed after it was signed';
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: sheet.publicKey } });
  if (!verify(null, bytes, key, Buffer.from(signature, 'base64url'))) {
    return "the signature is not of the sheet's own key";
  }
  return undefined;
}

export const publicKeyOf = (privateKey: KeyObject): string =>
  createPublicKey(privateKey).export({ format: 'jwk' }).x as string;

/** For people who compare keys: SHA-256 of the key's 32 bytes, hex. */
export const fingerprintOf = (publicKey: string): string => sha256(Buffer.from(publicKey, 'base64url'));

/** A sheet speaks for a tag only while all of this is as it was. */
export interface Measured {
  readonly path: string;
  readonly source: string;
  readonly type: string;
  readonly unit: string;
  readonly scale?: number | undefined;
  /** Of `definitionOf`. */
  readonly definition: string;
}

export const identityOf = ({ path, source, type, unit, scale = 1, definition }: Measured): string =>
  canonicalJson([path, source, type, unit, scale, definition]);

/**
 * Stands for the address in a tag's manifest: the hub need not know how a device is read, only that it is read otherwise
 * than before.
 */
export const definitionOf = (address: string): string => sha256(Buffer.from(address)).slice(0, 16);

/** What a row says of its tag; undefined when nobody looked. */
export function isProof({ verdict }: Pick<SheetRow, 'verdict'>): boolean | undefined {
  return verdict === 'skipped' ? undefined : verdict !== 'rejected';
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
