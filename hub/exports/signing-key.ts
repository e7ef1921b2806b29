/**
 * The hub's own Ed25519 key, made once in its data folder: what it signs, anybody who has noted the key's fingerprint
 * can check without asking the hub.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface SigningKey {
  /** SPKI as PEM. */
  readonly publicKey: string;
  readonly fingerprint: string;
  sign(content: Uint8Array): Buffer;
}

/** @throws {Error} what is in the file is no Ed25519 key. */
export function openSigningKey(file: string): SigningKey {
  const key = createPrivateKey(readOrMake(file));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${file} holds no Ed25519 key`);
  const publicKey = createPublicKey(key);
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    fingerprint: fingerprintOf(publicKey),
    sign: (content) => sign(null, content, key),
  };
}

/** SHA-256 of the key's SPKI, 64 hex digits. */
const fingerprintOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** The fingerprint of the key, if the signature is its; undefined when it is not, or something is no key. */
export function signerOf(content: Uint8Array, signature: Uint8Array, publicKeyPem: string): string | undefined {
  try {
    const key = createPublicKey(publicKeyPem);
    return key.asymmetricKeyType === 'ed25519' && verify(null, content, key, signature)
      ? fingerprintOf(key)
      : undefined;
  } catch {
    return undefined;
  }
}

function readOrMake(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, pem);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return pem;
}
