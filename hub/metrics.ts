/** What the hub counts, read when somebody asks: no work per sample. */
import { statSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Delivery } from './ingest/delivery.ts';
import type { Ledger } from './ledger/ledger.ts';
import { damagedIn } from './warnings.ts';

export interface MetricsOptions {
  readonly delivery: Pick<Delivery, 'ingest' | 'link' | 'heldBytes' | 'pausedAgents'>;
  readonly ledger: Pick<Ledger, 'streams' | 'gapCount' | 'quarantines'>;
  /** ms by which the clock has leapt since the start, and is still off. */
  readonly clockAstrayMs: () => number;
  readonly warnings: () => readonly string[];
  readonly files: { readonly ledger: string; readonly samplesDir: string };
  /** Of the embedded broker, if there is one. */
  readonly brokerStats?: () => { readonly connections: number; readonly faults: number };
}

export function createHubMetrics(options: MetricsOptions): Registry {
  const { delivery, ledger, brokerStats, files } = options;
  const { ingest, link } = delivery;
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
    gapNumbers: 'numbers that agents declared gone since the start',
    refused: 'frames sent back for another number or manifest',
    repeated: 'frames that were settled already',
    groups: 'commits, each of all frames that had arrived',
    storeFailures: 'writes that the store did not take',
  } as const;
  for (const [key, help] of Object.entries(counts)) {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    gauge(name, help, [], (metric) => metric.set(ingest.counts[key as keyof typeof counts]));
  }
  gauge('held_bytes', 'bytes of frames that wait to be settled', [], (metric) => metric.set(delivery.heldBytes));
  gauge('paused_agents', 'agents that were told to pause and not yet to go on', [], (metric) =>
    metric.set(delivery.pausedAgents),
  );
  gauge('refused_messages', 'messages refused, by fault', ['fault'], (metric) => {
    for (const [fault, count] of link.faults) metric.set({ fault }, count);
  });
  gauge('clock_astray_seconds', 'by how much the clock has leapt since the start', [], (metric) =>
    metric.set(options.clockAstrayMs() / 1000),
  );
  gauge('warnings', 'what wants a person: /healthz says what', [], (metric) => metric.set(options.warnings().length));
  gauge('ledger_bytes', 'size of the ledger on disk; retention bounds it with the samples', [], (metric) =>
    metric.set(statSync(files.ledger).size),
  );
  gauge('damaged_bytes', 'segments that were set aside as damaged', [], (metric) =>
    metric.set(damagedIn(files.samplesDir).bytes),
  );
  if (brokerStats) {
    gauge('broker_connections', 'connections to the embedded broker', [], (metric) =>
      metric.set(brokerStats().connections),
    );
    const help = 'connections refused or ended for a wrong password, a missing right or a broken rule';
    gauge('broker_faults', help, [], (metric) => metric.set(brokerStats().faults));
  }
  const perStream: ('agent' | 'stream')[] = ['agent', 'stream'];
  gauge('stream_through', 'highest settled number', perStream, (metric) => {
    for (const { agent, number, through } of ledger.streams()) metric.set({ agent, stream: String(number) }, through);
  });
  gauge('stream_dead_letters', 'samples of the stream that are listed instead of stored', perStream, (metric) => {
    for (const { agent, number, deadLetters } of ledger.streams())
      metric.set({ agent, stream: String(number) }, deadLetters);
  });
  gauge('stream_gaps', 'runs of numbers of the stream that will never come', perStream, (metric) => {
    for (const { agent, number } of ledger.streams())
      metric.set({ agent, stream: String(number) }, ledger.gapCount(number));
  });
  gauge('quarantined_agents', 'agents of which nothing is taken', [], (metric) =>
    metric.set(ledger.quarantines().size),
  );
  return registry;
}
