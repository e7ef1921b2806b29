/** An OPC UA server: the way to it, what it offers against what is configured, its certificate, a login, and its clock. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateNotAfter } from '../../protocols/opcua/certificate.ts';
import type { OpcuaConfig } from '../../protocols/opcua/config.ts';
import { inspectNode, listOffers, type ServerOffers } from '../../protocols/opcua/explore.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import type { ReadSecret } from '../../protocols/secret.ts';
import { failureReason } from '../status/failure-reason.ts';
import { bad, type Check, type Finding, good, reasonOf, warning } from './check.ts';
import { tellOffset } from './clock.ts';
import { findWay, placeOf } from './network.ts';

export interface OpcuaCheckOptions {
  readonly dataDir: string;
  readonly secret: ReadSecret;
  /** As the commands to print name it. */
  readonly file: string;
}

const timeoutMs = 60_000;
const dayMs = 86_400_000;
const expiryWarningDays = 30;
/** Server.ServerStatus.CurrentTime (OPC 10000-5 12.6), which every server has. */
const currentTimeNode = 'nsu=http://opcfoundation.org/UA/;i=2258';
const quiet = { info() {}, warn() {} };

export const opcuaCheck = (source: OpcuaConfig, options: OpcuaCheckOptions): Check => ({
  name: `${source.id} (${source.endpoint})`,
  timeoutMs,
  async run(signal) {
    const way = await findWay(placeOf(source.endpoint), signal);
    if (way.some(isBad)) return way;
    // Asking needs a certificate of our own; made here, it would belong to whoever runs the doctor.
    const isNew = certificateNotAfter(options.dataDir) === undefined;
    const dataDir = isNew ? await mkdtemp(join(tmpdir(), 'payesh-doctor-')) : options.dataDir;
    try {
      return [...way, ...(await findServer(source, { ...options, dataDir }, isNew, signal))];
    } finally {
      if (isNew) await rm(dataDir, { recursive: true, force: true });
    }
  },
});

const isBad = ({ level }: Finding): boolean => level === 'bad';

async function findServer(
  source: OpcuaConfig,
  options: OpcuaCheckOptions,
  isNew: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  let offers: ServerOffers;
  try {
    offers = await listOffers(source.endpoint, { timeoutMs: source.timeoutMs, dataDir: options.dataDir }, signal);
  } catch (error) {
    return [
      bad(
        `it does not answer as an OPC UA server: ${reasonOf(error)}`,
        'Compare port and path with what the server itself shows as its endpoint.',
      ),
    ];
  }
  const offer = findOffer(source, offers);
  if (isBad(offer)) return [offer];
  const findings = [offer, ...findCertificate(source, offers, options)];
  if (findings.some(isBad)) return findings;
  if (isNew && source.security.mode !== 'none') {
    return [
      ...findings,
      warning(
        'a login cannot be tried before the agent has its certificate',
        'Start the agent once, then run the doctor again.',
      ),
    ];
  }
  return [...findings, ...(await findLogin(source, options, signal))];
}

function findOffer({ security, user }: OpcuaConfig, { offers }: ServerOffers): Finding {
  const kind = user === undefined ? 'anonymous' : 'name' in user ? 'name' : 'certificate';
  const ofMode = offers.filter(({ mode, supported }) => supported && mode === security.mode);
  const fitting =
    security.mode === 'none' || security.policy === 'best'
      ? ofMode
      : ofMode.filter(({ policy }) => policy === security.policy);
  const there = [...new Set(offers.map(({ mode, policy }) => (mode === 'none' ? mode : `${mode} with ${policy}`)))];
  const wanted = security.mode === 'none' ? 'no security' : `${security.mode}, policy ${security.policy}`;
  if (fitting.length === 0) {
    return bad(
      `it does not offer what is configured (${wanted}), only: ${there.join('; ') || 'nothing'}`,
      'Turn that mode on in the server; basic256sha256 and the aes policies are good, older ones are refused.',
    );
  }
  if (!fitting.some(({ users }) => users.includes(kind))) {
    const users = [...new Set(fitting.flatMap((offer) => offer.users))];
    return bad(
      `it lets nobody in as configured (${kind}), only: ${users.join(', ') || 'nobody'}`,
      kind === 'anonymous'
        ? 'Have a user made in the server that may only read, and name it under user.'
        : 'Allow this kind of user in the server, or configure another.',
    );
  }
  const [best] = fitting;
  return good(
    `it offers ${best!.mode === 'none' ? 'a connection without security' : `${best!.mode} with ${best!.policy}`}`,
  );
}

function findCertificate(
  { security }: OpcuaConfig,
  { identity }: ServerOffers,
  { dataDir, file }: OpcuaCheckOptions,
): Finding[] {
  if (security.mode === 'none') return [];
  if (!identity) return [bad('it shows no certificate that can be read', 'Have a certificate made in the server.')];
  const { der, applicationUri, thumbprint, notAfter } = identity;
  if (!openTrustList(dataDir).isTrusted(der, applicationUri)) {
    return [
      bad(
        `its certificate has not been approved: SHA-256 ${thumbprint}`,
        'Compare that with what the server itself shows.',
        `If they are equal: payesh-agent trust -c ${file}`,
      ),
    ];
  }
  const days = Math.floor((notAfter.getTime() - Date.now()) / dayMs);
  const until = notAfter.toISOString().slice(0, 10);
  if (days >= expiryWarningDays) return [good(`its certificate is approved, and valid until ${until}`)];
  return [
    warning(
      days < 0 ? `its certificate expired on ${until}` : `its certificate expires on ${until}, in ${days} days`,
      `Have a new one made in the server, then approve it: payesh-agent trust -c ${file}`,
    ),
  ];
}

async function findLogin(source: OpcuaConfig, options: OpcuaCheckOptions, signal: AbortSignal): Promise<Finding[]> {
  try {
    const context = { dataDir: options.dataDir, secret: options.secret, log: quiet };
    const { serverTime, readAt } = await inspectNode(source, { kind: 'opcua', node: currentTimeNode }, context, signal);
    const session = good('a session opens, and can read');
    if (serverTime === undefined) return [session];
    const hint = `Until then its time is not believed where it differs by more than ${source.maxSkewMs} ms (maxSkewMs).`;
    return [session, tellOffset('the server', (serverTime - readAt) / 1000, source.maxSkewMs, [hint])];
  } catch (error) {
    const reason = reasonOf(error);
    const remedies = {
      login: ['Compare the name and the password with those in the server, and its right to read.'],
      'not-trusted': [
        'Approve the certificate of payesh-agent in the server: most keep unknown ones in a list of rejected certificates.',
      ],
    };
    const todo = remedies[failureReason(reason) as keyof typeof remedies] ?? [
      "Look into the server's own log for the reason; it may have too few free sessions.",
    ];
    return [bad(`no session: ${reason}`, ...todo)];
  }
}
