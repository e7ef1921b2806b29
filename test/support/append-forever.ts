/** A process that appends to a buffer and prints the last number of each durable chunk, until it is killed. */
import { openSqliteBuffer } from '../../edge-agent/sqlite-buffer.ts';
import { chunkOf } from '../contract/buffer.ts';

const buffer = await openSqliteBuffer({ dir: process.argv[2]!, maxBytes: 1024 ** 3 });
for (let first = buffer.state().next; ; first += 50) {
  await buffer.append(chunkOf(50, first));
  process.stdout.write(`${first + 49}\n`);
}
