/** Who the agent is to the server, besides its certificate: nobody, a name with a password, or a user's certificate. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type UserIdentityInfo, UserTokenType } from 'node-opcua-client';
import { ConfigError } from '../errors.ts';
import type { ReadSecret } from '../secret.ts';
import type { OpcuaConnectionConfig } from './connection-config.ts';

/** @throws {ConfigError} when the secret or a file is not there, or a file is not what it should be. */
export function identityOf(user: OpcuaConnectionConfig['user'], secret: ReadSecret): UserIdentityInfo {
  if (!user) return { type: UserTokenType.Anonymous };
  if ('name' in user) return { type: UserTokenType.UserName, userName: user.name, password: secret(user.password) };
  const { certificateFile, privateKeyFile } = user;
  return {
    type: UserTokenType.Certificate,
    certificateData: read(certificateFile, 'certificate', (pem) => new X509Certificate(pem).raw),
    privateKey: read(privateKeyFile, 'private key', (pem) => {
      createPrivateKey(pem);
      return pem;
    }),
  };
}

function read<T>(file: string, what: string, parse: (pem: string) => T): T {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`the ${what} of the OPC UA user cannot be read: ${(cause as Error).message}`, {
      path: file,
      hint: 'Put a PEM file there that the agent can read and that has no pass phrase.',
      cause,
    });
  }
}
