/** Whether a package is whole and signed, told from its bytes alone: no hub, no network. */
import { createHash } from 'node:crypto';
import { strFromU8, unzipSync } from 'fflate';
import { manifestName, manifestSchema, type PackageManifest, signatureName, signerName } from './manifest.ts';
import { signerOf } from './signing-key.ts';

export interface PackageVerdict {
  /** Sentences; none is a good package. */
  readonly faults: readonly string[];
  readonly manifest?: PackageManifest;
  /** Of the key that signed it: whose it is, only who has noted it can say. */
  readonly fingerprint?: string;
}

/** Unpacked; a small archive can hold much. */
const maxBytes = 1024 ** 3;

export function verifyPackage(archive: Uint8Array): PackageVerdict {
  let total = 0;
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(archive, {
      filter: ({ originalSize }) => {
        total += originalSize;
        if (total > maxBytes) throw new Error(`it holds more than ${maxBytes} bytes`);
        return true;
      },
    });
  } catch (error) {
    return { faults: [`it is no zip that can be read: ${(error as Error).message}`] };
  }
  const [text, signature, signer] = [files[manifestName], files[signatureName], files[signerName]];
  if (!text || !signature || !signer) {
    return { faults: [`${manifestName}, ${signatureName} or ${signerName} is missing: it is no package of Payesh`] };
  }
  const fingerprint = signerOf(text, Buffer.from(strFromU8(signature), 'base64'), strFromU8(signer));
  if (fingerprint === undefined) return { faults: ['the signature is not of this manifest'] };
  const parsed = manifestSchema.safeParse(jsonOrNothing(strFromU8(text)));
  if (!parsed.success) return { faults: ['the manifest cannot be read'], fingerprint };
  const manifest = parsed.data;
  const faults: string[] = [];
  if (manifest.signer.fingerprint !== fingerprint)
    faults.push('the manifest names another key than the one that signed');
  const listed = new Set([manifestName, signatureName, signerName]);
  for (const { name, bytes, sha256 } of manifest.files) {
    listed.add(name);
    const content = files[name];
    if (!content) faults.push(`${name} is missing`);
    else if (content.byteLength !== bytes || hashOf(content) !== sha256) faults.push(`${name} is not what was signed`);
  }
  for (const name of Object.keys(files)) if (!listed.has(name)) faults.push(`${name} was put in: nobody signed it`);
  return { faults, manifest, fingerprint };
}

const hashOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
