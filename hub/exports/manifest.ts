/** What an agency package says of itself: `manifest.json` in the zip, signed as it stands in `manifest.json.sig`. */
import { z } from 'zod';

export const manifestName = 'manifest.json';
/** The detached signature: Ed25519 over the bytes of the manifest, base64. */
export const signatureName = 'manifest.json.sig';
export const signerName = 'signer.pem';

export const manifestSchema = z.object({
  format: z.literal('payesh-package-1'),
  site: z.string(),
  /** A Jalali month. */
  period: z.string(),
  status: z.enum(['official', 'provisional']),
  created_at: z.string(),
  plant_version: z.string(),
  definition_versions: z.record(z.string(), z.int()),
  files: z.array(z.object({ name: z.string(), bytes: z.int(), sha256: z.string() })).max(1000),
  signer: z.object({
    /** Who asked for it. */
    name: z.string(),
    algorithm: z.literal('Ed25519'),
    fingerprint: z.string(),
  }),
});
export type PackageManifest = z.infer<typeof manifestSchema>;
