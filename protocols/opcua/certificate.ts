/**
 * The agent's own application instance certificate (OPC 10000-4 7.3), made once and kept with its key in one file: what
 * servers have been told to trust must never change by itself. The library wants one even where nothing is signed; left
 * alone, it would make another in the home folder.
 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { makeApplicationUrn, type OPCUAClientOptions, crypto_utils as pki } from 'node-opcua-client';
import { ConfigError } from '../errors.ts';
import { applicationUriOf } from './server-certificate.ts';

export const applicationName = 'payesh-agent';
const validityDays = 730;
const certificateBegins = '-----BEGIN CERTIFICATE-----';

export interface OwnCertificate {
  readonly keyPair: NonNullable<OPCUAClientOptions['certificateKeyPairProvider']>;
  /** As in the certificate, whatever the machine is called by now. */
  readonly applicationUri: string;
  readonly subject: string;
  /** What servers show of it (OPC 10000-6 6.2.2), hex. */
  readonly sha1: string;
  readonly notAfter: Date;
}

/** Made where there is none. @throws {ConfigError} when the folder cannot be written, or the file is not ours. */
export async function openOwnCertificate(dataDir: string): Promise<OwnCertificate> {
  const file = ownFile(dataDir);
  try {
    return parse(readIfThere(file) ?? (await create(file)));
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** When the agent's certificate ends; undefined where it has none yet. @throws {ConfigError} */
export function certificateNotAfter(dataDir: string): Date | undefined {
  const file = ownFile(dataDir);
  try {
    const pem = readIfThere(file);
    return pem === undefined ? undefined : parse(pem).notAfter;
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/**
 * A new certificate for the same key and ApplicationUri; the old one is kept beside it. Servers that trust certificates
 * one by one must then trust the new one, so nothing but an operator's command calls this.
 * @returns the file of the old one. @throws {ConfigError}
 */
export async function renewOwnCertificate(dataDir: string): Promise<{ kept: string; notAfter: Date }> {
  const file = ownFile(dataDir);
  try {
    const { applicationUri, keyPair, notAfter: oldNotAfter, sha1 } = await openOwnCertificate(dataDir);
    const kept = join(dirname(file), `own-until-${oldNotAfter.toISOString().slice(0, 10)}-${sha1.slice(0, 8)}.pem`);
    const renewed = await certify(await pki.privateKeyToCryptoKey(keyPair.getPrivateKey()), applicationUri);
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, renewed, { mode: 0o600, flush: true });
    linkSync(file, kept);
    renameSync(draft, file);
    return { kept, notAfter: parse(renewed).notAfter };
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : unusable(file, cause);
  }
}

const ownFile = (dataDir: string): string => join(dataDir, 'opcua', 'own.pem');

const unusable = (file: string, cause: unknown): ConfigError =>
  new ConfigError('the OPC UA certificate of this agent can neither be read nor made', {
    path: file,
    hint: 'Give the agent a dataDir that it can write; a damaged file can be removed, then servers must trust the new one.',
    cause,
  });

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(pem: string): OwnCertificate {
  const begin = pem.indexOf(certificateBegins);
  const certificate = pki.convertPEMtoDER(pem.slice(begin));
  const key = pki.makePrivateKeyFromPem(pem.slice(0, begin));
  const { subject, fingerprint, validToDate } = new X509Certificate(certificate);
  return {
    keyPair: { getCertificate: () => certificate, getCertificateChain: () => [certificate], getPrivateKey: () => key },
    applicationUri: applicationUriOf(certificate),
    subject: subject.replaceAll('\n', ', '),
    sha1: fingerprint.replaceAll(':', '').toLowerCase(),
    notAfter: validToDate,
  };
}

async function create(file: string): Promise<string> {
  const pem = await certify(await pki.generatePrivateKey(2048), makeApplicationUrn(hostname(), applicationName));
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    writeFileSync(draft, pem, { mode: 0o600, flush: true });
    // Two sources may start at once: the first one's certificate is everybody's.
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, 'utf8');
}

type PrivateKey = Awaited<ReturnType<typeof pki.generatePrivateKey>>;

/** The key and a new certificate for it, as PEM. */
async function certify(privateKey: PrivateKey, applicationUri: string): Promise<string> {
  const { cert } = await pki.createSelfSignedCertificate({
    privateKey,
    subject: `CN=${applicationName}@${hostname()}`,
    applicationUri,
    dns: [hostname()],
    notBefore: new Date(),
    validity: validityDays,
    purpose: pki.CertificatePurpose.ForApplication,
  });
  const { privPem } = await pki.privateKeyToPEM(privateKey);
  return `${privPem.trim()}\n${cert.trim()}\n`;
}
