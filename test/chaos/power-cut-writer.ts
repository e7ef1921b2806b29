/**
 * Fills a buffer beyond its quota, sends and releases from it, and says so: `accepted N` when it is durable, `sent N` when
 * it may be at the hub, `released N` before it may go. Its system calls are recorded; what was accepted and not released
 * before a cut must be there after it, or given up for what is newer. Arguments: folder, seed, chunks.
 */
import { writeSync } from 'node:fs';
import { openBufferFile } from '../../edge-agent/buffer/file.ts';
import { bufferOptions } from './power-cut-buffer.ts';
import { createRandom } from './random.ts';

const [dir, seed, chunks] = process.argv.slice(2);
const random = createRandom(Number(seed));
const say = (text: string) => writeSync(1, `${text}\n`);
const buffer = openBufferFile({ dir: dir!, ...bufferOptions });
const classes = ['bulk', 'normal', 'critical'] as const;
let appended = 0;
let sent = 0;
for (let chunk = 0; chunk < Number(chunks); chunk++) {
  const parts = Array.from({ length: 1 + Math.floor(random.between(0, 2)) }, () => {
    const count = Math.ceil(random.between(1, 500));
    return { keep: classes[Math.floor(random.between(0, 3))]!, count };
  });
  const before = appended;
  const batch = parts.map(({ keep, count }) => {
    // The payload tells its place, so that a mixed-up page is seen.
    const payload = Buffer.alloc(Math.ceil(random.between(100, 6000)), `${appended + 1};`);
    appended += count;
    return { keep, count, payload };
  });
  buffer.append({ after: before, chunks: batch, acceptedAt: before + 1, manifestRevision: 1 });
  say(`accepted ${appended}`);
  if (random.next() < 0.2) {
    const after = Math.max(sent, buffer.state().acked);
    sent = buffer.peek(after, { frames: Math.ceil(random.between(1, 20)), bytes: 100_000 }).at(-1)?.last ?? sent;
    say(`sent ${sent}`);
  }
  const { acked } = buffer.state();
  if (random.next() < 0.1 && sent > acked) {
    const through = Math.ceil(random.between(acked, sent));
    say(`released ${through}`);
    buffer.release(through);
  }
}
// Said last, so that a run that never gave anything up is seen.
say(`evicted ${buffer.state().evicted}`);
