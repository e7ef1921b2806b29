/** The agent's report of itself, put together when somebody asks: no work per sample. */
import { statfsSync } from 'node:fs';
import type { Clock } from '../../protocols/clock.ts';
import { acceptedAtOf } from '../../protocols/frame.ts';
import { connectionName } from '../../protocols/modbus/connection-config.ts';
import { qualityName } from '../../protocols/quality-names.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import type { Fleet, SourceRun } from '../acquire/fleet.ts';
import type { ConfigReport } from '../acquire/reload.ts';
import type { SourceConfig } from '../acquire/sources.ts';
import type { BookedTag, TagBook } from '../acquire/tag-book.ts';
import type { Buffer } from '../buffer/buffer.ts';
import type { Commissioned, CommissioningBook } from '../commissioning/book.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { Forwarder } from '../forward/forward.ts';
import { countByQuality } from './count-tags.ts';
import type { AgentReport, BufferReport, LinkReport, SourceReport, TagReport } from './report.ts';

export interface DescribeOptions {
  readonly config: AgentConfig;
  readonly version: string;
  readonly startedAt: TimeUs;
  readonly clock: Clock;
  readonly configReport: ConfigReport;
  readonly buffer: Pick<Buffer, 'state' | 'peek'>;
  readonly forwarder: Pick<Forwarder, 'link' | 'linkSinceMs' | 'lastError' | 'through' | 'resent'>;
  readonly fleet: Pick<Fleet, 'runs'>;
  readonly book: Pick<TagBook, 'tagsOf'>;
  readonly sheets: Pick<CommissioningBook, 'of'>;
}

export async function describeAgent(options: DescribeOptions): Promise<Omit<AgentReport, 'problems'>> {
  const { config, version, startedAt, clock, configReport, fleet } = options;
  return {
    agent: config.agent,
    site: config.site,
    version,
    startedAt,
    now: clock.now(),
    config: configReport,
    link: describeLink(options),
    buffer: await describeBuffer(options),
    sources: config.sources.flatMap((source) => {
      const run = fleet.runs.get(source.id);
      return run ? [describeSource(run, options)] : [];
    }),
  };
}

export const describeTags = (options: DescribeOptions, source?: string): TagReport[] =>
  options.config.sources
    .filter(({ id }) => source === undefined || id === source)
    .flatMap(({ id }) => options.book.tagsOf(id).map((tag) => describeTag(tag, id, options)));

function describeLink({ config, clock, buffer, forwarder }: DescribeOptions): LinkReport {
  const { next } = buffer.state();
  const { link, linkSinceMs, lastError, through, resent } = forwarder;
  return {
    state: link,
    broker: config.broker.url,
    stateSince: clock.now() - Math.round((performance.now() - linkSinceMs) * 1000 * clock.speed),
    error: lastError && textOf(lastError),
    backlog: next - 1 - through,
    next,
    through,
    resentFrames: resent,
  };
}

/** Of a frame's byte, with what a row and a page take beside it. */
const bytesOnDisk = 1.1;

async function describeBuffer({ config, buffer, forwarder }: DescribeOptions): Promise<BufferReport> {
  const state = buffer.state();
  const { bytes, frames, pendingBytes, minRetained, acked, evicted, corrupt, quarantined } = state;
  const { maxBytes, full, replayHours } = config.buffer;
  // While the disk fails it is not known.
  const [oldest] = await buffer.peek(forwarder.through, { frames: 1, bytes: 1 }).catch(() => []);
  const { bavail, bsize } = statfsSync(config.dataDir);
  return {
    bytes,
    maxBytes,
    pendingBytes: Math.min(bytes, Math.round(pendingBytes * bytesOnDisk)),
    full,
    frames,
    replayHours,
    replaySamples: Math.max(0, acked + 1 - minRetained),
    evicted,
    corrupt,
    regressedAt: state.regressedAt,
    diskFullSince: state.diskFullSince,
    degradedSince: state.degradedSince,
    quarantined,
    oldestAt: oldest && acceptedAtOf(oldest.bytes),
    diskFreeBytes: bavail * bsize,
  };
}

function describeSource({ config, sampler, health, state }: SourceRun, options: DescribeOptions): SourceReport {
  const tags = options.book.tagsOf(config.id);
  return {
    id: config.id,
    kind: config.kind,
    target: targetOf(config),
    state: state.state,
    stateSince: state.since,
    error: state.state === 'up' || !state.error ? undefined : textOf(state.error),
    retryAt: state.retryAt,
    tags: countByQuality(tags, sampler),
    slots: health.slots,
    lost: health.lost,
    clockSuspect: sampler.clockSuspect,
    notCommissioned: tags.filter((tag) => !commissionedOf(tag, config.id, options)).length,
  };
}

function describeTag(tag: BookedTag, source: string, options: DescribeOptions): TagReport {
  const { id, path, type, unit, counter, address } = tag;
  const latest = options.fleet.runs.get(source)?.sampler.latest(id);
  return {
    id,
    path,
    source,
    type,
    unit,
    scale: counter?.scale,
    address,
    latest: latest && {
      time: latest.sample.time,
      value: jsonValue(latest.sample.value),
      quality: latest.sample.quality,
      qualityName: qualityName(latest.sample.quality),
      flags: latest.sample.flags,
      measuredAt: latest.measuredAt,
      since: latest.since,
    },
    commissioned: commissionedOf(tag, source, options),
  };
}

const commissionedOf = (
  { path, address, type, unit, counter }: BookedTag,
  source: string,
  { sheets, config }: DescribeOptions,
): Commissioned | undefined => sheets.of(config.site, { path, source, address, type, unit, scale: counter?.scale });

const targetOf = (config: SourceConfig): string => (config.kind === 'opcua' ? config.endpoint : connectionName(config));

const jsonValue = (value: SampleValue): number | boolean | string | null =>
  typeof value === 'bigint' ? String(value) : value;

/** With what caused it: of a refused connection that is what tells. */
function textOf(error: Error): string {
  const { message, cause } = error;
  if (!(cause instanceof Error) || cause.message === '' || message.includes(cause.message)) return message;
  return `${message}: ${cause.message}`;
}
