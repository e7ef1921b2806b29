/** Secrets from where a configuration says that they are: a file, the environment, or a systemd credential. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../protocols/errors.ts';
import type { ReadSecret, SecretReference } from '../protocols/secret.ts';
import type { Environment } from './yaml-document.ts';

/** Read anew each time, so that a secret can be replaced while the agent runs. No message ever contains one. */
export function createSecretReader(environment: Environment): ReadSecret {
  return (reference) => {
    const { place, read } = wayTo(reference, environment);
    const secret = read().replace(/\r?\n$/, '');
    if (secret === '') {
      throw new ConfigError('the secret is empty', { path: place, hint: 'Put the secret there, and nothing else.' });
    }
    return secret;
  };
}

function wayTo(reference: SecretReference, environment: Environment): { place: string; read: () => string } {
  if ('env' in reference) {
    const { env } = reference;
    const read = () => {
      const value = environment[env];
      if (value !== undefined) return value;
      throw new ConfigError(`the environment variable ${env} with a secret is not set`, {
        path: `$${env}`,
        hint: 'Set it where the agent is started; a file or a systemd credential is seen by fewer.',
      });
    };
    return { place: `$${env}`, read };
  }
  if ('file' in reference) return { place: reference.file, read: () => readSecretFile(reference.file) };
  const { credential } = reference;
  const folder = environment.CREDENTIALS_DIRECTORY;
  if (folder === undefined) {
    throw new ConfigError(`there is no systemd credential "${credential}"`, {
      path: '$CREDENTIALS_DIRECTORY',
      hint: `Add LoadCredential=${credential}:/path/of/the/secret to the unit; from a shell, name a file instead.`,
    });
  }
  const file = join(folder, credential);
  return { place: file, read: () => readSecretFile(file) };
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(isMissing ? 'the file with a secret is not there' : 'the file with a secret cannot be read', {
      path: file,
      hint: isMissing
        ? "Write the secret into it, and let only the agent's user read it (mode 0600). The hub gives an agent's password: payesh-hub agent add <id>, and another one: payesh-hub agent renew <id>."
        : "Let the agent's user read it, and nobody else (mode 0600).",
      cause,
    });
  }
}
