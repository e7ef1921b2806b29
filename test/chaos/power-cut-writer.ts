/**
 * Fills a buffer and releases from it, and says so: `accepted N` when it is durable, `released N` before it may go. Its
 * system calls are recorded; what was accepted and not released before a cut must be there after it. Arguments: folder, seed, chunks.
 */
import { writeSync } from 'node:fs';
import { openBufferFile } from '../../edge-agent/buffer-file.ts';
import { createRandom } from './random.ts';

const [dir, seed, chunks] = process.argv.slice(2);
const random = createRandom(Number(seed));
const buffer = openBufferFile({ dir: dir!, maxBytes: 64 * 1024 * 1024 });
const lasts: number[] = [];
let first = 1;
for (let chunk = 0; chunk < Number(chunks); chunk++) {
  const count = Math.ceil(random.between(1, 500));
  // The payload tells its place, so that a mixed-up page is seen.
  const payload = Buffer.alloc(Math.ceil(random.between(100, 6000)), `${first};`);
  buffer.append({ first, payload, count, acceptedAt: first, manifestRevision: 1 });
  first += count;
  lasts.push(first - 1);
  writeSync(1, `accepted ${first - 1}\n`);
  if (random.next() < 0.15 && lasts.length > 5) {
    const through = lasts[Math.floor(random.between(0, lasts.length))]!;
    writeSync(1, `released ${through}\n`);
    buffer.release(through);
    while (lasts.length > 0 && lasts[0]! <= through) lasts.shift();
  }
}
