/**
 * What needs a person, found in what the agent knows of itself. Pure. A fault that is the consequence of another one is
 * not told beside it: a device that is away has no bad tags, and a backlog grows because the broker is away.
 */
import { flag } from '../../protocols/sample.ts';
import { failureReason } from './failure-reason.ts';
import {
  type AgentReport,
  type Problem,
  type ProblemCode,
  problemCodes,
  type SourceReport,
  type TagReport,
} from './report.ts';

/** As problem-context.ts gathers it. */
export interface ProblemContext {
  /**
   * The agent's report of some minutes ago. Counts that only ever rise are judged by how much they rose since then;
   * without it they are not judged.
   */
  readonly earlier?: Omit<AgentReport, 'problems'> | undefined;
  /** As the list of trusted servers has them. */
  readonly knownServers: readonly {
    readonly endpoint: string;
    readonly thumbprint: string;
    readonly state: 'pending' | 'trusted';
    readonly notAfter: Date | string;
  }[];
  readonly ownCertificateNotAfter?: Date | undefined;
  readonly waivers: readonly { readonly source: string; readonly reason: string; readonly expires: string }[];
  /** Keys of the configuration that have changed and take effect only after a restart. */
  readonly needsRestart: readonly string[];
}

const secondUs = 1_000_000;
const dayUs = 86_400 * secondUs;

/** A broken connection is tried again after a second or two: one that is back by then was worth nobody's time. */
const connectingGraceUs = 10 * secondUs;
/** Slow devices give their first values late, and a heartbeat may be a minute. */
const silentGraceUs = 90 * secondUs;
/** A slot is skipped now and then when a garbage collection or a retry falls on it; a device that is too slow skips more. */
const skippedShare = 0.01;
/** A hub pauses for a moment whenever its store is slow. */
const pauseGraceUs = 60 * secondUs;
/** What happened to a buffer is told for a week: the technician may come on Saturday. */
const rememberedUs = 7 * dayUs;
/** Time to order a certificate, or to talk to whoever keeps the PLC. */
const expiryWarningUs = 30 * dayUs;
/** At the rates that were measured the last fifth is some hours; at 95 % there is no time left to wait for a visit. */
const bufferWarningShare = 0.8;
const bufferErrorShare = 0.95;
/** SQLite's journal and a few frames on their way lie between the last accepted frame and the quota. */
const bufferFullShare = 0.99;
/** Less than this, and the system's own logs can fill the disk before anybody comes. */
const diskReserveBytes = 256 * 1024 ** 2;
/** A backlog that has grown by so little is one batch that is on its way. */
const backlogGrowth = { samples: 5000, share: 0.2 };

/** Everything that needs a person, the worst first. */
export function findProblems(
  report: Omit<AgentReport, 'problems'>,
  tags: readonly TagReport[],
  context: ProblemContext,
): Problem[] {
  const found = [
    ...findOfLink(report, context),
    ...findOfBuffer(report, context),
    ...report.sources.flatMap((source) =>
      findOfSource(
        source,
        tags.filter((tag) => tag.source === source.id),
        report,
        context,
      ),
    ),
    ...findOfTrust(report, context),
    ...findOfConfig(report, context),
    ...findNotCommissioned(report),
  ];
  return found.sort((a, b) => rank(a) - rank(b) || (a.since ?? report.now) - (b.since ?? report.now));
}

const rank = ({ severity, code }: Problem): number =>
  (severity === 'error' ? 0 : problemCodes.length) + problemCodes.indexOf(code);

type Report = Omit<AgentReport, 'problems'>;
type Details = Problem['details'];

const error = (code: ProblemCode, details: Details, rest: Pick<Problem, 'subject' | 'since'> = {}): Problem => ({
  code,
  severity: 'error',
  details,
  ...rest,
});
const warning = (code: ProblemCode, details: Details, rest: Pick<Problem, 'subject' | 'since'> = {}): Problem => ({
  code,
  severity: 'warning',
  details,
  ...rest,
});

function findOfLink(report: Report, context: ProblemContext): Problem[] {
  const { link, now } = report;
  const since = link.stateSince;
  if (link.state === 'paused') {
    const details = { backlog: link.backlog, ...forecast(report, context.earlier) };
    return now - since < pauseGraceUs ? [] : [warning('hub-pauses', details, { since })];
  }
  if (link.state === 'forwarding') return findGrowingBacklog(report, context);
  if (now - since < connectingGraceUs) return [];
  const details = {
    broker: link.broker,
    error: link.error ?? '',
    reason: failureReason(link.error ?? ''),
    backlog: link.backlog,
    ...forecast(report, context.earlier),
  };
  if (link.error !== undefined && /in quarantine/.test(link.error)) {
    return [error('quarantined', { ...details, agent: report.agent }, { since })];
  }
  if (link.state !== 'connecting') return [error('hub-away', details, { since })];
  const refused = link.error !== undefined && /\brefuses\b|took this one over/.test(link.error);
  return [error(refused ? 'broker-refuses' : 'broker-away', { ...details, agent: report.agent }, { since })];
}

function findGrowingBacklog(report: Report, { earlier }: ProblemContext): Problem[] {
  if (earlier?.link.state !== 'forwarding') return [];
  const grown = report.link.backlog - earlier.link.backlog;
  if (grown < Math.max(backlogGrowth.samples, backlogGrowth.share * earlier.link.backlog)) return [];
  const seconds = (report.now - earlier.now) / secondUs;
  return [
    warning(
      'backlog-grows',
      { backlog: report.link.backlog, perMinute: Math.round((grown * 60) / seconds), ...forecast(report, earlier) },
      { since: report.buffer.oldestAt },
    ),
  ];
}

/** When the buffer will be full, if it goes on as in the last minutes; empty while it does not grow. */
function forecast({ now, buffer }: Report, earlier: Report | undefined): { fullInS?: number } {
  if (!earlier || now <= earlier.now) return {};
  const bytesPerUs = (buffer.pendingBytes - earlier.buffer.pendingBytes) / (now - earlier.now);
  if (bytesPerUs <= 0) return {};
  const settled = buffer.bytes - buffer.pendingBytes;
  const left = Math.max(0, Math.min(buffer.maxBytes - buffer.pendingBytes, buffer.diskFreeBytes + settled));
  return { fullInS: Math.round(left / bytesPerUs / secondUs) };
}

function findOfBuffer(report: Report, { earlier }: ProblemContext): Problem[] {
  const { bytes, pendingBytes, maxBytes, diskFreeBytes, full, diskFullSince, degradedSince } = report.buffer;
  const counts = { bytes: pendingBytes, maxBytes, diskFreeBytes, backlog: report.link.backlog };
  const details = { ...counts, evicts: Number(full === 'evict'), ...forecast(report, earlier) };
  const share = pendingBytes / maxBytes;
  const problems: Problem[] = [...findLosses(report, earlier)];
  if (degradedSince !== undefined) problems.push(error('disk-fails', details, { since: degradedSince }));
  const evicts = problems.some(({ code }) => code === 'samples-evicted');
  // What the hub has acknowledged makes room: only a backlog fills the buffer.
  if (report.link.backlog > 0 && !evicts) {
    if (share >= bufferFullShare && full === 'stop') problems.push(error('buffer-full', details));
    else if (share >= bufferErrorShare) problems.push(error('buffer-nearly-full', details));
    else if (share >= bufferWarningShare) problems.push(warning('buffer-nearly-full', details));
  }
  if (diskFullSince !== undefined) problems.push(error('disk-full', details, { since: diskFullSince }));
  else if (diskFreeBytes < diskReserveBytes) problems.push(error('disk-nearly-full', details));
  else if (diskFreeBytes < maxBytes - bytes) problems.push(warning('disk-nearly-full', details));
  return problems;
}

/** What is gone, and what was nearly: told while it goes on, and for some days after. */
function findLosses({ now, buffer, link }: Report, earlier: Report | undefined): Problem[] {
  const problems: Problem[] = [];
  const evicted = buffer.evicted - (earlier?.buffer.evicted ?? buffer.evicted);
  if (evicted > 0) {
    const details = { evicted, total: buffer.evicted, backlog: link.backlog, diskFreeBytes: buffer.diskFreeBytes };
    problems.push(error('samples-evicted', details, { since: earlier!.now }));
  }
  if (buffer.regressedAt !== undefined && now - buffer.regressedAt < rememberedUs) {
    problems.push(error('buffer-regressed', { corrupt: buffer.corrupt }, { since: buffer.regressedAt }));
  }
  const damaged = buffer.quarantined.findLast(({ at, state }) => state !== 'done' || now - at < rememberedUs);
  if (damaged) {
    const { at: since, folder, reason, state } = damaged;
    problems.push(error('buffer-damaged', { folder, reason, state, corrupt: buffer.corrupt }, { since }));
  } else if (buffer.corrupt > (earlier?.buffer.corrupt ?? buffer.corrupt)) {
    const details = { folder: '', reason: '', state: 'gap', corrupt: buffer.corrupt };
    problems.push(error('buffer-damaged', details, { since: earlier!.now }));
  }
  return problems;
}

function findOfSource(
  source: SourceReport,
  tags: readonly TagReport[],
  report: Report,
  context: ProblemContext,
): Problem[] {
  const { id: subject, kind, target } = source;
  const since = source.stateSince;
  if (source.state !== 'up') {
    const servers = context.knownServers.filter((server) => server.endpoint === target);
    const pending = kind === 'opcua' ? servers.findLast((server) => server.state === 'pending') : undefined;
    if (pending) {
      const changed = Number(servers.some((server) => server.state === 'trusted'));
      const details = { target, thumbprint: pending.thumbprint, changed, file: report.config.file };
      return [error('server-not-trusted', details, { subject, since })];
    }
    if (report.now - since < connectingGraceUs) return [];
    const why = source.error ?? '';
    const details = {
      kind,
      target,
      error: why,
      reason: failureReason(why),
      tags: tags.length,
      file: report.config.file,
    };
    return [error('source-down', details, { subject, since })];
  }
  return [
    ...findBadTags(source, tags, report.config),
    ...findSilentTags(source, tags, report),
    ...findSuspectClock(source, tags),
    ...findSkippedSlots(source, report.config, context),
    ...findLostValues(source, context),
  ];
}

function findBadTags({ id, kind }: SourceReport, tags: readonly TagReport[], { file }: Report['config']): Problem[] {
  const bad = tags.filter(({ latest }) => latest && latest.quality >>> 31 === 1);
  if (bad.length === 0) return [];
  const byName = Object.entries(Object.groupBy(bad, ({ latest }) => latest!.qualityName));
  const [quality, most] = byName.reduce((best, each) => (each[1]!.length > best[1]!.length ? each : best));
  const example = most![0]!;
  const details = {
    kind,
    count: bad.length,
    total: tags.length,
    quality,
    ofQuality: most!.length,
    tag: example.path,
    address: example.address,
    file,
  };
  const since = bad.reduce((first, { latest }) => Math.min(first, latest!.since), Number.POSITIVE_INFINITY);
  return [
    bad.length === tags.length
      ? error('tags-bad', details, { subject: id, since })
      : warning('tags-bad', details, { subject: id, since }),
  ];
}

function findSilentTags(
  source: SourceReport,
  tags: readonly TagReport[],
  { now, config: { file } }: Report,
): Problem[] {
  const silent = tags.filter(({ latest }) => latest === undefined);
  if (silent.length === 0 || now - source.stateSince < silentGraceUs) return [];
  const { path, address } = silent[0]!;
  const details = { kind: source.kind, count: silent.length, total: tags.length, tag: path, address, file };
  return [warning('tags-silent', details, { subject: source.id, since: source.stateSince })];
}

function findSuspectClock({ id }: SourceReport, tags: readonly TagReport[]): Problem[] {
  const suspect = tags.filter(({ latest }) => latest && latest.flags & flag.clockSuspect);
  if (suspect.length === 0) return [];
  return [warning('clock-suspect', { count: suspect.length, total: tags.length }, { subject: id })];
}

function findSkippedSlots(
  { id, slots }: SourceReport,
  { file }: Report['config'],
  { earlier }: ProblemContext,
): Problem[] {
  const before = earlier?.sources.find((source) => source.id === id)?.slots;
  if (!before) return [];
  const skipped = slots.skipped - before.skipped;
  const all = skipped + slots.good - before.good + slots.bad - before.bad;
  if (skipped <= 0 || skipped < skippedShare * all) return [];
  const percent = Math.max(1, Math.round((skipped / all) * 100));
  return [warning('slots-skipped', { skipped, percent, file }, { subject: id, since: earlier!.now })];
}

function findLostValues({ id, lost }: SourceReport, { earlier }: ProblemContext): Problem[] {
  const before = earlier?.sources.find((source) => source.id === id)?.lost;
  if (before === undefined || lost <= before) return [];
  return [error('values-lost', { lost: lost - before, total: lost }, { subject: id, since: earlier!.now })];
}

function findOfTrust({ now, sources, config }: Report, context: ProblemContext): Problem[] {
  const expiring = (notAfter: Date | string, details: Details, subject?: string): Problem[] => {
    const left = new Date(notAfter).getTime() * 1000 - now;
    if (!(left < expiryWarningUs)) return [];
    const all = { ...details, days: Math.max(0, Math.floor(left / dayUs)), expired: Number(left <= 0) };
    return [(left <= 0 ? error : warning)('certificate-expires', all, subject === undefined ? {} : { subject })];
  };
  const opcua = sources.filter(({ kind }) => kind === 'opcua');
  return [
    ...(context.ownCertificateNotAfter && opcua.length > 0
      ? expiring(context.ownCertificateNotAfter, { owner: 'agent', file: config.file })
      : []),
    ...opcua.flatMap(({ id, target }) => {
      const trusted = context.knownServers.filter(({ endpoint, state }) => endpoint === target && state === 'trusted');
      const newest = trusted.toSorted((a, b) => +new Date(b.notAfter) - +new Date(a.notAfter))[0];
      return newest ? expiring(newest.notAfter, { owner: 'server', target, file: config.file }, id) : [];
    }),
    ...context.waivers.flatMap(({ source, reason, expires }) => {
      // It holds until the end of its last day, UTC.
      const left = (Date.parse(expires) * 1000 || 0) + dayUs - now;
      if (left >= expiryWarningUs) return [];
      const details = { reason, expires, days: Math.max(0, Math.floor(left / dayUs)), file: config.file };
      return [(left <= 0 ? error : warning)('waiver-expires', details, { subject: source })];
    }),
  ];
}

function findOfConfig({ config }: Report, { needsRestart }: ProblemContext): Problem[] {
  const { refused, file, version } = config;
  return [
    ...(refused
      ? [error('config-refused', { file, version, message: refused.message, at: refused.path, hint: refused.hint })]
      : []),
    ...(needsRestart.length > 0 ? [warning('config-needs-restart', { keys: needsRestart.join(', '), file })] : []),
  ];
}

function findNotCommissioned({ sources, config }: Report): Problem[] {
  const open = sources.filter(({ notCommissioned }) => notCommissioned > 0);
  if (open.length === 0) return [];
  const count = open.reduce((sum, { notCommissioned }) => sum + notCommissioned, 0);
  const details = { count, sources: open.map(({ id }) => id).join(', '), file: config.file };
  return [warning('not-commissioned', details)];
}
