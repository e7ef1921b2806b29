/** What the agent counts, read when somebody asks: no work per sample. */
import { Gauge, Registry } from 'prom-client';
import type { Acceptor } from '../accept.ts';
import type { Buffer } from '../buffer.ts';
import type { Forwarder } from '../forward.ts';
import type { SourceHealth } from '../health.ts';

export interface MetricsOptions {
  readonly buffer: Pick<Buffer, 'state'>;
  readonly acceptor: Pick<Acceptor, 'accepted' | 'waiting'>;
  readonly forwarder: Pick<Forwarder, 'through' | 'resent' | 'link'>;
  readonly sources: ReadonlyMap<string, SourceHealth>;
}

export function createMetrics({ buffer, acceptor, forwarder, sources }: MetricsOptions): Registry {
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
  gauge('accepted_samples', 'samples accepted since the start', () => acceptor.accepted);
  gauge('waiting_samples', 'samples not yet accepted', () => acceptor.waiting);
  gauge('next_number', 'number that the next sample gets', () => buffer.state().next);
  gauge('settled_through', 'highest number that the hub has settled', () => forwarder.through);
  gauge('buffer_frames', 'frames in the buffer', () => buffer.state().frames);
  gauge('buffer_bytes', 'bytes of the buffer on disk', () => buffer.state().bytes);
  gauge('resent_frames', 'frames sent more than once', () => forwarder.resent);
  gauge('forwarding', '1 while frames flow to the hub', () => Number(forwarder.link === 'forwarding'));
  new Gauge({
    name: 'payesh_agent_source_up',
    help: '1 while the source is connected',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      for (const [source, health] of sources) this.set({ source }, Number(health.up));
    },
  });
  return registry;
}
