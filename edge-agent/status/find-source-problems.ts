/** Problems of a source: not trusted, down, or up with tags that are Bad, silent, late or lost. */
import { flag } from '../../protocols/sample.ts';
import { failureReason } from './failure-reason.ts';
import { connectingGraceUs, error, type ProblemContext, type Report, secondUs, warning } from './problem-parts.ts';
import type { Problem, SourceReport, TagReport } from './report.ts';

/** Slow devices give their first values late, and a heartbeat may be a minute. */
const silentGraceUs = 90 * secondUs;
/** A slot is skipped now and then when a garbage collection or a retry falls on it; a device that is too slow skips more. */
const skippedShare = 0.01;

export function findOfSource(
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
