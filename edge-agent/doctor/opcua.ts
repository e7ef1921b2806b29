/** An OPC UA server: the way to it, what it offers against what is configured, its certificate, a login, and its clock. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateNotAfter } from '../../protocols/opcua/certificate.ts';
import type { OpcuaConfig } from '../../protocols/opcua/config.ts';
import { inspectNode, listOffers, type ServerOffers } from '../../protocols/opcua/explore.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import { failureReason } from '../status/failure-reason.ts';
import { bad, type Check, type Finding, good, reasonOf, warning } from './check.ts';
import { tellOffset } from './clock.ts';
import { findWay, placeOf } from './network.ts';
import { findTags, type TagCheckOptions } from './tags.ts';

const timeoutMs = 60_000;
const dayMs = 86_400_000;
const expiryWarningDays = 30;
/** Server.ServerStatus.CurrentTime (OPC 10000-5 12.6), which every server has. */
const currentTimeNode = 'nsu=http://opcfoundation.org/UA/;i=2258';
const quiet = { info() {}, warn() {} };

export const opcuaCheck = (source: OpcuaConfig, options: TagCheckOptions): Check => ({
  name: () => `${source.id} (${source.endpoint})`,
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
  options: TagCheckOptions,
  isNew: boolean,
  signal: AbortSignal,
): Promise<Finding[]> {
  let offers: ServerOffers;
  try {
    offers = await listOffers(source.endpoint, { timeoutMs: source.timeoutMs, dataDir: options.dataDir }, signal);
  } catch (error) {
    return [bad((say) => say.notOpcua(reasonOf(error)))];
  }
  const offer = findOffer(source, offers);
  if (isBad(offer)) return [offer];
  const findings = [offer, ...findCertificate(source, offers, options)];
  if (findings.some(isBad)) return findings;
  if (isNew && source.security.mode !== 'none') {
    return [...findings, warning((say) => say.loginLater())];
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
  if (fitting.length === 0) return bad((say) => say.notOffered(wanted, there));
  if (!fitting.some(({ users }) => users.includes(kind))) {
    const users = [...new Set(fitting.flatMap((offer) => offer.users))];
    return bad((say) => say.nobodyIn(kind, users));
  }
  const { mode, policy } = fitting[0]!;
  return good((say) => say.offers(mode, policy));
}

function findCertificate(
  { security }: OpcuaConfig,
  { identity }: ServerOffers,
  { dataDir, file }: TagCheckOptions,
): Finding[] {
  if (security.mode === 'none') return [];
  if (!identity) return [bad((say) => say.certificateUnreadable())];
  const { der, applicationUri, thumbprint, notAfter } = identity;
  if (!openTrustList(dataDir).isTrusted(der, applicationUri)) {
    return [bad((say) => say.certificateNotApproved(thumbprint, file))];
  }
  const days = Math.floor((notAfter.getTime() - Date.now()) / dayMs);
  const until = notAfter.toISOString().slice(0, 10);
  if (days >= expiryWarningDays) return [good((say) => say.certificate(until))];
  return [warning((say) => say.certificateEnds(until, days, file))];
}

async function findLogin(source: OpcuaConfig, options: TagCheckOptions, signal: AbortSignal): Promise<Finding[]> {
  try {
    const context = { dataDir: options.dataDir, secret: options.secret, log: quiet };
    const { serverTime, readAt } = await inspectNode(source, { kind: 'opcua', node: currentTimeNode }, context, signal);
    const session = good((say) => say.session());
    const offset =
      serverTime === undefined
        ? []
        : [tellOffset('server', (serverTime - readAt) / 1000, source.maxSkewMs, source.maxSkewMs)];
    return [session, ...offset, ...(await findTags(source, options, signal))];
  } catch (error) {
    const reason = reasonOf(error);
    return [bad((say) => say.noSession(reason, failureReason(reason)))];
  }
}
