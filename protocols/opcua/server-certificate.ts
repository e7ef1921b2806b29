/**
 * A server's application instance certificate (OPC 10000-4 6.1.3): what it says, and what can be wrong with it. No
 * library is needed for that, so that `trust` and the demo's launcher load none.
 */
import { createHash, X509Certificate } from 'node:crypto';

export interface ServerIdentity {
  /** As the certificate says, not as the server announces itself. */
  readonly applicationUri: string;
  readonly applicationName: string;
  /** SHA-256 of the DER, hex. */
  readonly thumbprint: string;
  readonly subject: string;
  readonly notAfter: Date;
  readonly der: Uint8Array;
}

const minRsaBits = 2048;

export const thumbprintOf = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** The first URI among the names that a certificate is for (OPC 10000-6 6.2.2); '' where there is none. */
export function applicationUriOf(der: Uint8Array): string {
  // What could be taken for two names, Node.js writes in quotes.
  const names = new X509Certificate(der).subjectAltName ?? '';
  const [, uri = ''] = /(?:^|, )URI:("(?:[^"\\]|\\.)*"|[^,]*)/.exec(names) ?? [];
  return uri.startsWith('"') ? JSON.parse(uri) : uri;
}

/** @throws when it is no certificate. */
export function identifyServer(der: Buffer, applicationName: string): ServerIdentity {
  const { subject, validToDate } = new X509Certificate(der);
  return {
    applicationUri: applicationUriOf(der),
    applicationName,
    thumbprint: thumbprintOf(der),
    subject: subject.replaceAll('\n', ', '),
    notAfter: validToDate,
    der,
  };
}

/**
 * What nobody can approve away; undefined when there is nothing.
 * @param announcedUri ApplicationUri of the endpoint description; the certificate must be for the same.
 */
export function weaknessOf(der: Buffer, announcedUri: string): string | undefined {
  const { publicKey, signatureAlgorithm = '', validFromDate } = new X509Certificate(der);
  const { modulusLength = 0 } = publicKey.asymmetricKeyDetails ?? {};
  if (publicKey.asymmetricKeyType !== 'rsa') return `it has a key of type ${publicKey.asymmetricKeyType}, not RSA`;
  if (modulusLength < minRsaBits) return `its key has ${modulusLength} bits, and ${minRsaBits} are the least`;
  if (/sha1|md5/i.test(signatureAlgorithm)) return `it is signed with ${signatureAlgorithm}, which can be forged`;
  const uri = applicationUriOf(der);
  if (uri !== announcedUri) return `it is for "${uri}", and the server calls itself "${announcedUri}"`;
  if (validFromDate.getTime() > Date.now()) {
    return `it is not valid before ${validFromDate.toISOString()}: compare the clocks of the server and this gateway`;
  }
  return undefined;
}
