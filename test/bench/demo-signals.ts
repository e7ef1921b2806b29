/**
 * The samples that agents would send of several demo factories, without servers and sockets: signals polled once a
 * second, Modbus blocks with one time each, OPC UA changes with their own times, reported by exception as configured
 * by default. Deterministic from the seed.
 */
import { createSampler } from '../../edge-agent/acquire/sampler.ts';
import { flag, type Sample } from '../../protocols/sample.ts';
import { createFactory } from '../../protocols/simulator/factory.ts';

export interface DemoSignals {
  /** Tags of all factories; ids are 1 to this. */
  readonly tags: number;
  /** By tag id - 1. */
  readonly paths: readonly string[];
  /** By tag id - 1. */
  readonly types: readonly ('float' | 'string')[];
  /** The samples of the next second, in the order in which an agent would see them. */
  nextSecond(): Sample[];
}

const report = { mode: 'change', deadband: 0, heartbeatMs: 60_000 } as const;

export function createDemoSignals({
  factories = 20,
  seed = 7,
  startUs = Date.UTC(2026, 10, 23, 8) * 1000,
} = {}): DemoSignals {
  let tags = 0;
  const random = createRandom(seed);
  const plants = Array.from({ length: factories }, (_, i) => {
    const factory = createFactory({ seed: seed + i, startUs });
    const signals = factory
      .signals()
      .map((signal) => ({ signal, tag: ++tags, device: signal.path.split('/').slice(0, -1).join('/') }));
    const sampler = createSampler(new Map(signals.map(({ tag }) => [tag, report])), () => 0);
    return { factory, signals, sampler, phaseUs: Math.floor((i * 1e6) / factories) };
  });
  let second = 0;
  return {
    tags,
    paths: plants.flatMap(({ signals }) => signals.map(({ signal }) => signal.path)),
    types: plants.flatMap(({ signals }) =>
      signals.map(({ signal }) => (typeof signal.value === 'string' ? 'string' : 'float')),
    ),
    nextSecond() {
      second += 1;
      const samples: Sample[] = [];
      for (const { factory, signals, sampler, phaseUs } of plants) {
        const tick = startUs + second * 1e6 + phaseUs;
        factory.advanceTo(tick);
        const readAt = new Map<string, number>();
        const measured = signals.map(({ signal, tag, device }): Sample => {
          const isModbus = signal.plant.startsWith('aras');
          if (!readAt.has(device)) readAt.set(device, tick + 400 + Math.floor(random() * 2500));
          const time = isModbus ? readAt.get(device)! : signal.time;
          return { tag, time, value: signal.value, quality: 0, flags: isModbus ? flag.timeFromGateway : 0 };
        });
        samples.push(...sampler.take(measured));
      }
      return samples;
    },
  };
}

/** mulberry32: the benches need repeatable numbers, not good ones. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
