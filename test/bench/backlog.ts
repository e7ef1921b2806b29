/** A buffer full of demo samples, written as an agent would have, without waiting for it to measure them. */
import { join } from 'node:path';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { encodePayload, toColumns } from '../../protocols/frame.ts';
import type { SampleColumns } from '../../protocols/sample.ts';
import { createDemoSignals } from './demo-signals.ts';

export const samplesPerFrame = 1000;
const patternFrames = 500;

/** Frames of demo signals. Those beyond the pattern are it again, later. */
export function* demoFrames(frames: number): Generator<SampleColumns> {
  const { pattern, spanUs } = pattern500();
  for (let i = 0; i < frames; i++) {
    const columns = pattern[i % pattern.length]!;
    const shift = Math.floor(i / pattern.length) * spanUs;
    yield { ...columns, times: columns.times.map((time) => time + shift) };
  }
}

function pattern500(): { pattern: SampleColumns[]; spanUs: number } {
  const startUs = (Date.now() - 40 * 86_400_000) * 1000;
  const signals = createDemoSignals({ factories: 60, startUs });
  signals.nextSecond();
  const pattern: SampleColumns[] = [];
  let waiting = signals.nextSecond();
  while (pattern.length < patternFrames) {
    while (waiting.length < samplesPerFrame) waiting = waiting.concat(signals.nextSecond());
    pattern.push(toColumns(waiting.slice(0, samplesPerFrame)));
    waiting = waiting.slice(samplesPerFrame);
  }
  const last = pattern.at(-1)!.times.at(-1)!;
  return { pattern, spanUs: Math.ceil((last - startUs) / 1e6) * 1e6 + 60_000_000 };
}

/** Fills the buffer of an agent that has not been started. */
export function fillBuffer(dir: string, samples: number): void {
  const file = openBufferFile({ dir: join(dir, 'buffer'), maxBytes: 16 * 1024 ** 3 });
  const { tags, types } = createDemoSignals({ factories: 60 });
  file.register(
    Array.from({ length: tags }, (_, i) => ({
      path: `bench/tag-${i + 1}`,
      type: types[i]!,
      unit: '',
      role: 'process' as const,
      source: 'bench',
      intervalMs: 1000,
    })),
  );
  let first = 1;
  for (const columns of demoFrames(samples / samplesPerFrame)) {
    file.append({
      after: first - 1,
      chunks: [{ keep: 'normal', count: samplesPerFrame, payload: encodePayload(columns) }],
      acceptedAt: Date.now() * 1000,
      manifestRevision: 1,
    });
    first += samplesPerFrame;
  }
  file.close();
}

/** A source that is never there, for an agent that shall only forward. */
export const absentSource = `  - { id: bench, kind: modbus, host: 127.0.0.1, port: 1, devices: [{ unit: 1, tags: [{ path: bench/none, table: holding, address: 0, format: uint16 }] }] }\n`;
