/**
 * `disk-72h` and `disk-quota`: what an outage costs an agent at 1,000 samples a second, in intervals of 250 ms: everything
 * in the buffer's folder, log and ballast included. Counters and states are chunks of their own, as in an agent. `--hours H`
 * writes less and says what 72 hours would take at that rate.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startAcceptor } from '../../edge-agent/acquire/accept.ts';
import type { Batch } from '../../edge-agent/buffer/buffer.ts';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import type { Sample } from '../../protocols/sample.ts';
import type { Bench } from './bench.ts';
import { createDemoSignals } from './demo-signals.ts';

const wholeHours = 72;
const samplesPerHour = 3_600_000;
const samplesPerInterval = 250;
const patternSamples = 600_000;
const quotaBytes = 128 * 1024 ** 2;
const gigabyte = 1e9;

export const disk72h: Bench = {
  names: ['disk-72h', 'disk-quota'],
  async *run({ dir, hours = wholeHours, progress }) {
    const { samples, spanUs, isCounted } = pattern();
    const write = async (folder: string, count: number, maxBytes: number) => {
      mkdirSync(folder, { recursive: true });
      const file = openBufferFile({ dir: folder, maxBytes });
      let largest = 0;
      const append = async (batch: Batch) => file.append(batch);
      await using acceptor = startAcceptor({
        buffer: { append },
        manifestRevision: 1,
        now: () => Date.now() * 1000,
        keepOf: (tag) => (isCounted(tag) ? 'critical' : 'normal'),
        intervalMs: 250,
        maxSamples: samplesPerInterval,
        log: { info() {}, warn() {} },
        giveUp: new AbortController().signal,
      });
      for (let i = 0; i < count; i += samplesPerInterval) {
        const shift = Math.floor(i / samples.length) * spanUs;
        const at = i % samples.length;
        const some = samples.slice(at, at + samplesPerInterval);
        await acceptor.add(shift === 0 ? some : some.map((sample) => ({ ...sample, time: sample.time + shift })));
        if ((i / samplesPerInterval) % 4000 !== 0) continue;
        largest = Math.max(largest, bytesIn(folder));
        progress(`disk: ${((100 * i) / count).toFixed()} %, ${(largest / gigabyte).toFixed(3)} GB`);
      }
      await acceptor.flush();
      largest = Math.max(largest, bytesIn(folder));
      const { evicted } = file.state();
      file.close();
      return { largest, evicted, database: statSync(join(folder, 'buffer.db')).size };
    };

    const count = Math.round(hours * samplesPerHour);
    const whole = await write(join(dir, 'disk-72h'), count, 16 * gigabyte);
    const perSample = whole.database / count;
    // Log and ballast are as large after an hour.
    const beside = Math.max(0, whole.largest - whole.database);
    yield {
      name: 'disk-72h',
      value: (perSample * wholeHours * samplesPerHour + beside) / gigabyte,
      unit: 'GB',
      reference: null,
      note: `${hours} h written, ${perSample.toFixed(2)} B/sample in the database, ballast and log included`,
      atMost: 2.2,
    };
    const samplesWanted = Math.round((1.5 * quotaBytes) / perSample);
    const full = await write(join(dir, 'disk-quota'), samplesWanted, quotaBytes);
    yield {
      name: 'disk-quota',
      value: full.largest / quotaBytes,
      unit: 'of the quota',
      reference: null,
      note: `128 MiB, ${full.evicted} of ${samplesWanted} samples given up; log and ballast included`,
      atMost: 1.05,
      atLeast: 0.95,
    };
  },
};

/** Demo signals, repeated later: their own making would take longer than all that is measured. */
function pattern(): { samples: Sample[]; spanUs: number; isCounted: (tag: number) => boolean } {
  const signals = createDemoSignals({ factories: 53 });
  signals.nextSecond();
  const samples: Sample[] = [];
  let seconds = 0;
  for (; samples.length < patternSamples; seconds++) samples.push(...signals.nextSecond());
  const counted = signals.paths.map((path) => /(state|count|total|kwh|energy|gas|alarm|good|scrap)[^/]*$/.test(path));
  return {
    samples: samples.slice(0, patternSamples),
    spanUs: seconds * 1_000_000,
    isCounted: (tag) => counted[tag - 1]!,
  };
}

const bytesIn = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
