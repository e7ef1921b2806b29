/** Problems on the way to the hub: a link that is down, a backlog that grows, a buffer or disk that fills, what was lost. */
import { failureReason } from './failure-reason.ts';
import {
  connectingGraceUs,
  dayUs,
  error,
  type ProblemContext,
  type Report,
  secondUs,
  warning,
} from './problem-parts.ts';
import type { Problem } from './report.ts';

/** A hub pauses for a moment whenever its store is slow. */
const pauseGraceUs = 60 * secondUs;
/** What happened to a buffer is told for a week: the technician may come on Saturday. */
const rememberedUs = 7 * dayUs;
/** At the rates that were measured the last fifth is some hours; at 95 % there is no time left to wait for a visit. */
const bufferWarningShare = 0.8;
const bufferErrorShare = 0.95;
/** SQLite's journal and a few frames on their way lie between the last accepted frame and the quota. */
const bufferFullShare = 0.99;
/** Less than this, and the system's own logs can fill the disk before anybody comes. */
const diskReserveBytes = 256 * 1024 ** 2;
/** A backlog that has grown by so little is one batch that is on its way. */
const backlogGrowth = { samples: 5000, share: 0.2 };

export function findOfLink(report: Report, context: ProblemContext): Problem[] {
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

export function findOfBuffer(report: Report, { earlier }: ProblemContext): Problem[] {
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
