/** What the agent counts, read when somebody asks: no work per sample. */
import { Gauge, Registry } from 'prom-client';
import type { Acceptor } from '../acquire/accept.ts';
import type { Fleet, SourceRun } from '../acquire/fleet.ts';
import type { ConfigReport } from '../acquire/reload.ts';
import type { TagBook } from '../acquire/tag-book.ts';
import type { Buffer } from '../buffer/buffer.ts';
import type { Forwarder } from '../forward/forward.ts';
import { countByQuality } from './count-tags.ts';

export interface MetricsOptions {
  readonly buffer: Pick<Buffer, 'state'>;
  readonly acceptor: Pick<Acceptor, 'accepted' | 'waiting'>;
  readonly forwarder: Pick<Forwarder, 'through' | 'resent' | 'link'>;
  readonly fleet: Pick<Fleet, 'runs'>;
  readonly book: Pick<TagBook, 'tagsOf'>;
  readonly config: () => ConfigReport;
}

export function createMetrics({ buffer, acceptor, forwarder, fleet, book, config }: MetricsOptions): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `payesh_agent_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  /** One series for each source that runs now, or several by another label. */
  const sourceGauge = (name: string, help: string, label: string | undefined, read: (run: SourceRun) => Counts) =>
    new Gauge({
      name: `payesh_agent_source_${name}`,
      help,
      labelNames: ['source', ...(label ? [label] : [])],
      registers: [registry],
      collect() {
        this.reset();
        for (const [source, run] of fleet.runs) {
          for (const [value, count] of Object.entries(read(run)))
            this.set(label ? { source, [label]: value } : { source }, count);
        }
      },
    });

  gauge('accepted_samples', 'samples accepted since the start', () => acceptor.accepted);
  gauge('waiting_samples', 'samples not yet accepted', () => acceptor.waiting);
  gauge('next_number', 'number that the next sample gets', () => buffer.state().next);
  gauge('settled_through', 'highest number that the hub has settled', () => forwarder.through);
  new Gauge({
    name: 'payesh_agent_epoch_info',
    help: 'epoch that the numbers belong to: they begin anew with another one',
    labelNames: ['epoch'],
    registers: [registry],
    collect() {
      this.reset();
      this.set({ epoch: buffer.state().epoch }, 1);
    },
  });
  gauge('buffer_frames', 'frames in the buffer', () => buffer.state().frames);
  gauge('buffer_bytes', 'bytes of the buffer on disk', () => buffer.state().bytes);
  gauge('buffer_pending_bytes', 'bytes of frames that the hub has not settled', () => buffer.state().pendingBytes);
  gauge('replay_from', 'lowest number that the hub may still ask for again', () => buffer.state().minRetained);
  gauge('evicted_samples', 'samples given up because the buffer was full', () => buffer.state().evicted);
  gauge('corrupt_samples', 'samples that the disk has damaged', () => buffer.state().corrupt);
  gauge('quarantined_buffers', 'damaged buffers that were set aside', () => buffer.state().quarantined.length);
  gauge('buffer_regressed', '1 when numbers that were given had gone', () => Number(!!buffer.state().regressedAt));
  gauge('disk_full', '1 while the disk takes no more', () => Number(!!buffer.state().diskFullSince));
  gauge('disk_degraded', '1 while the disk fails again and again', () => Number(!!buffer.state().degradedSince));
  gauge('hub_pauses', '1 while the hub takes nothing', () => Number(forwarder.link === 'paused'));
  gauge('resent_frames', 'frames sent more than once', () => forwarder.resent);
  gauge('forwarding', '1 while frames flow to the hub', () => Number(forwarder.link === 'forwarding'));
  gauge('config_version', 'version of the configuration that runs', () => config().version);
  gauge('config_refused', '1 while the configuration file is not taken', () => Number(config().refused !== undefined));
  sourceGauge('up', '1 while the source is connected', undefined, ({ health }) => ({ up: Number(health.up) }));
  sourceGauge('slots', 'scheduled reads, by how they ended', 'result', ({ health }) => ({ ...health.slots }));
  sourceGauge('lost_values', 'values that the device or its queues declare lost', undefined, ({ health }) => ({
    lost: health.lost,
  }));
  sourceGauge('clock_suspect_samples', 'samples whose own time was not believed', undefined, ({ sampler }) => ({
    suspect: sampler.clockSuspect,
  }));
  sourceGauge('tags', 'tags, by the quality of their newest measurement', 'quality', ({ config: { id }, sampler }) => ({
    ...countByQuality(book.tagsOf(id), sampler),
  }));
  return registry;
}

type Counts = Readonly<Record<string, number>>;
