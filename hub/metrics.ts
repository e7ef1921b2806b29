/** What the hub counts, read when somebody asks: no work per sample. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Ingest } from './ingest/ingest.ts';
import type { Link } from './ingest/link.ts';
import type { Ledger } from './ledger/ledger.ts';

export interface MetricsOptions {
  readonly ingest: Pick<Ingest, 'counts'>;
  readonly link: Pick<Link, 'faults'>;
  readonly ledger: Pick<Ledger, 'streams'>;
  readonly heldBytes: () => number;
  /** Of the embedded broker, if there is one. */
  readonly brokerStats?: () => { readonly connections: number; readonly faults: number };
}

export function createHubMetrics({ ingest, link, ledger, heldBytes, brokerStats }: MetricsOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'payesh_hub_' });
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    collect: (set: Gauge<Label>) => void,
  ) =>
    new Gauge<Label>({
      name: `payesh_hub_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        collect(this);
      },
    });
  const counts = {
    frames: 'frames settled since the start',
    samples: 'samples settled since the start',
    deadLetters: 'samples listed as dead letters since the start',
    refused: 'frames sent back for another number or manifest',
    repeated: 'frames that were settled already',
    groups: 'commits, each of all frames that had arrived',
    storeFailures: 'writes that the store did not take',
  } as const;
  for (const [key, help] of Object.entries(counts)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    gauge(name, help, [], (metric) => metric.set(ingest.counts[key as keyof typeof counts]));
  }
  gauge('held_bytes', 'bytes of frames that wait to be settled', [], (metric) => metric.set(heldBytes()));
  gauge('refused_messages', 'messages refused, by fault', ['fault'], (metric) => {
    for (const [fault, count] of link.faults) metric.set({ fault }, count);
  });
  if (brokerStats) {
    gauge('broker_connections', 'connections to the embedded broker', [], (metric) =>
      metric.set(brokerStats().connections),
    );
    const help = 'connections refused or ended for a wrong password, a missing right or a broken rule';
    gauge('broker_faults', help, [], (metric) => metric.set(brokerStats().faults));
  }
  gauge('stream_through', 'highest settled number', ['agent', 'stream'], (metric) => {
    for (const { agent, number, through } of ledger.streams()) metric.set({ agent, stream: String(number) }, through);
  });
  return registry;
}
