/**
 * The agent's own key for commissioning sheets: made at the first sheet, never again. The hub remembers it from the first
 * sheet that it takes, so a copy of the data folder signs as this agent, and a new folder does not.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../protocols/errors.ts';
import { writeDurably } from '../config/durable-file.ts';

/** @throws {ConfigError} the key cannot be read, or is none. */
export function commissioningKey(dataDir: string): KeyObject {
  const file = join(dataDir, 'commissioning', 'key.pem');
  try {
    const pem = readOrUndefined(file);
    if (pem !== undefined) return ed25519(createPrivateKey(pem));
    const { privateKey } = generateKeyPairSync('ed25519');
    writeDurably(file, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600);
    return privateKey;
  } catch (cause) {
    throw new ConfigError('the key of the commissioning sheets cannot be used', {
      path: file,
      hint: 'Run this as the user of the agent. If the file is damaged, restore it; a new key must be approved at the hub.',
      cause,
    });
  }
}

function readOrUndefined(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is an ${key.asymmetricKeyType} key, not Ed25519`);
  return key;
}
