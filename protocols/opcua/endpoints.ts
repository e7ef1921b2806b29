/**
 * Which of a server's endpoints is used. They are asked for without security, as there is no other way; what comes is
 * believed only as far as a technician has approved the certificate in it, and the URLs in it are never used.
 */
import { type EndpointDescription, MessageSecurityMode, SecurityPolicy } from 'node-opcua-client';
import { ConnectionError } from '../errors.ts';
import type { SourceContext } from '../tag-config.ts';
import type { OwnCertificate } from './certificate.ts';
import { type ClientSecurity, closeInTime, createClient } from './client.ts';
import type { OpcuaConnectionConfig } from './connection-config.ts';
import { within } from './deadline.ts';
import { identifyServer, weaknessOf } from './server-certificate.ts';
import { openTrustList } from './trust.ts';

/** What we use, the strongest first. What is not here is obsolete or unknown, and refused (OPC 10000-7 6.6). */
export const policies: ReadonlyMap<string, SecurityPolicy> = new Map([
  ['aes256-sha256-rsapss', SecurityPolicy.Aes256_Sha256_RsaPss],
  ['aes128-sha256-rsaoaep', SecurityPolicy.Aes128_Sha256_RsaOaep],
  ['basic256sha256', SecurityPolicy.Basic256Sha256],
]);

const modes = { sign: MessageSecurityMode.Sign, 'sign-and-encrypt': MessageSecurityMode.SignAndEncrypt } as const;
const open: ClientSecurity = { mode: MessageSecurityMode.None, policy: SecurityPolicy.None };

/** All endpoints that the server announces, over a connection of its own. @throws {ConnectionError} */
export async function askEndpoints(
  endpoint: string,
  timeoutMs: number,
  own: OwnCertificate,
  signal: AbortSignal,
): Promise<EndpointDescription[]> {
  const client = createClient(own, timeoutMs, open);
  try {
    await within(client.connect(endpoint), timeoutMs, signal, `${endpoint}: connecting`);
    return await within(client.getEndpoints(), timeoutMs, signal, `${endpoint}: asking for its endpoints`);
  } finally {
    await closeInTime(() => client.disconnect());
  }
}

/**
 * With the certificate that was checked, where the configuration wants security.
 * @throws {ConnectionError} with the code `server-not-trusted` when a technician must approve it first,
 *   `server-refused` when it can never be approved, `no-such-endpoint` when the server does not offer what is configured.
 */
export async function chooseEndpoint(
  { endpoint, security, timeoutMs }: OpcuaConnectionConfig,
  { dataDir }: Pick<SourceContext, 'dataDir'>,
  own: OwnCertificate,
  signal: AbortSignal,
): Promise<ClientSecurity> {
  if (security.mode === 'none') return open;
  const offered = await askEndpoints(endpoint, timeoutMs, own, signal);
  const mode = modes[security.mode];
  const wanted = security.policy === 'best' ? [...policies.values()] : [policies.get(security.policy)!];
  const policy = wanted.find((policy) =>
    offered.some((offer) => offer.securityMode === mode && offer.securityPolicyUri === policy),
  );
  const offer = offered.find((offer) => offer.securityMode === mode && offer.securityPolicyUri === policy);
  if (!policy || !offer) throw nothingFits(endpoint, security.mode, security.policy, offered);
  const certificate = firstOf(offer.serverCertificate);
  checkServer(endpoint, offer, certificate, dataDir);
  return { mode, policy, certificate };
}

function checkServer(endpoint: string, { server }: EndpointDescription, certificate: Buffer, dataDir: string): void {
  const refuse = (why: string, cause?: unknown) =>
    new ConnectionError(`${endpoint}: the server's certificate is refused: ${why}`, { code: 'server-refused', cause });
  let weakness: string | undefined;
  try {
    weakness = weaknessOf(certificate, server.applicationUri ?? '');
  } catch (cause) {
    throw refuse('it cannot be read', cause);
  }
  if (weakness) throw refuse(weakness);
  const identity = identifyServer(certificate, server.applicationName?.text ?? '');
  const trusted = openTrustList(dataDir);
  if (trusted.isTrusted(certificate, identity.applicationUri)) return;
  trusted.keepPending(identity, endpoint);
  const expired = identity.notAfter.getTime() < Date.now() ? ` It expired on ${identity.notAfter.toISOString()}.` : '';
  throw new ConnectionError(
    `${endpoint}: the server's certificate is not trusted yet, SHA-256 ${identity.thumbprint}.${expired} ` +
      `Compare it with what the server shows of itself, then: payesh-agent trust ${identity.thumbprint}`,
    { code: 'server-not-trusted' },
  );
}

/** Never another way than the configured one: what the server leaves out may have been left out by somebody else. */
function nothingFits(endpoint: string, mode: string, policy: string, offered: readonly EndpointDescription[]) {
  const offers = offered.map(
    ({ securityMode, securityPolicyUri }) =>
      `${MessageSecurityMode[securityMode]} ${securityPolicyUri?.split('#').at(-1)}`,
  );
  const wanted = policy === 'best' ? mode : `${mode} with ${policy}`;
  return new ConnectionError(
    `${endpoint}: the server does not offer ${wanted}, only ${[...new Set(offers)].join(', ') || 'nothing'}. ` +
      'Turn it on in the server; going without takes a waiver in the configuration.',
    { code: 'no-such-endpoint' },
  );
}

/** The certificate of the server itself; those of its issuers may follow it. */
export function firstOf(chain: Buffer | null | undefined): Buffer {
  if (!chain || chain.length < 4) return Buffer.alloc(0);
  // DER: 30 82 and two bytes of length, which are enough for every certificate.
  return chain.subarray(0, chain[1] === 0x82 ? 4 + chain.readUInt16BE(2) : chain.length);
}
