/**
 * The agent's own application instance certificate (OPC 10000-4 7.3), made once and kept with its key in one file.
 * The library wants one even where nothing is signed; left alone, it would make another in the home folder.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { makeApplicationUrn, type OPCUAClientOptions, crypto_utils as pki } from 'node-opcua-client';
import { ConfigError } from '../errors.ts';

export const applicationName = 'payesh-agent';
const validityDays = 730;

type KeyPair = NonNullable<OPCUAClientOptions['certificateKeyPairProvider']>;

/** @throws {ConfigError} when the folder cannot be written, or the file is not what we put there. */
export async function openOwnCertificate(dataDir: string): Promise<KeyPair> {
  const file = join(dataDir, 'opcua', 'own.pem');
  try {
    const pem = readIfThere(file) ?? (await create(file));
    const certificate = pki.convertPEMtoDER(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE-----')));
    const key = pki.makePrivateKeyFromPem(pem.slice(0, pem.indexOf('-----BEGIN CERTIFICATE-----')));
    return { getCertificate: () => certificate, getCertificateChain: () => [certificate], getPrivateKey: () => key };
  } catch (cause) {
    throw new ConfigError('the OPC UA certificate of this agent can neither be read nor made', {
      path: file,
      hint: 'Give the agent a dataDir that it can write; a damaged file can be removed, then servers must trust the new one.',
      cause,
    });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function create(file: string): Promise<string> {
  const privateKey = await pki.generatePrivateKey(2048);
  const { cert } = await pki.createSelfSignedCertificate({
    privateKey,
    subject: `CN=${applicationName}@${hostname()}`,
    applicationUri: makeApplicationUrn(hostname(), applicationName),
    dns: [hostname()],
    notBefore: new Date(),
    validity: validityDays,
    purpose: pki.CertificatePurpose.ForApplication,
  });
  const { privPem } = await pki.privateKeyToPEM(privateKey);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    writeFileSync(draft, `${privPem.trim()}\n${cert.trim()}\n`, { mode: 0o600, flush: true });
    // Two sources may start at once: the first one's certificate is everybody's.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
}
