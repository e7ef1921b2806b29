/** A process that appends to a buffer and prints the last number of each durable chunk, until it is killed. */
import { openSqliteBuffer } from '../../edge-agent/sqlite-buffer.ts';
import { chunkOf } from '../contract/buffer.ts';

const buffer = await openSqliteBuffer({ dir: process.argv[2]!, maxBytes: 1024 ** 3 });
for (;;) {
  const { last } = await buffer.append(chunkOf(50));
  process.stdout.write(`${last}\n`);
}
