/** `wire-bytes` and `disk-bytes`: what a sample of the demo costs on the wire and in the agent's buffer, against rows of JSON. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { encodePayload, frameHeaderBytes, toColumns } from '../../protocols/frame.ts';
import type { Sample } from '../../protocols/sample.ts';
import type { Bench } from './bench.ts';
import { createDemoSignals } from './demo-signals.ts';

const frames = 400;

export const bytes: Bench = {
  names: ['wire-bytes', 'disk-bytes'],
  async *run({ dir, progress }) {
    for (const size of [1000, 250]) {
      progress(`bytes: ${frames} frames of ${size} samples`);
      const samples = demoSamples(frames * size);
      const payloads = Array.from({ length: frames }, (_, i) =>
        encodePayload(toColumns(samples.slice(i * size, (i + 1) * size))),
      );
      const wire = payloads.reduce((sum, payload) => sum + frameHeaderBytes + payload.length, 0) / samples.length;
      const rows = samples.reduce((sum, sample) => sum + JSON.stringify(sample).length, 0) / samples.length;
      const against = 'one JSON object a sample';
      const note = `${size} samples a frame`;
      yield { name: 'wire-bytes', value: wire, unit: 'B/sample', reference: rows, against, note };
      const disk = bufferBytes(payloads, size, join(dir, `bytes-${size}`)) / samples.length;
      yield {
        name: 'disk-bytes',
        value: disk,
        unit: 'B/sample',
        reference: rows,
        against,
        note: `${note}, agent's buffer`,
      };
    }
  },
};

function demoSamples(count: number): Sample[] {
  const signals = createDemoSignals({ factories: 60 });
  signals.nextSecond();
  const samples: Sample[] = [];
  while (samples.length < count) samples.push(...signals.nextSecond());
  return samples.slice(0, count);
}

function bufferBytes(payloads: readonly Uint8Array[], count: number, dir: string): number {
  mkdirSync(dir, { recursive: true });
  const file = openBufferFile({ dir, maxBytes: 1024 ** 3 });
  for (const [i, payload] of payloads.entries()) {
    const chunks = [{ keep: 'normal' as const, count, payload }];
    file.append({ after: i * count, chunks, acceptedAt: Date.now() * 1000, manifestRevision: 1 });
  }
  file.close();
  return statSync(join(dir, 'buffer.db')).size;
}
