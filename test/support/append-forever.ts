/** A process that appends to a buffer and prints the last number of each durable chunk, until it is killed. */
import { openSqliteBuffer } from '../../edge-agent/buffer/sqlite-buffer.ts';
import { batchOf } from '../contract/buffer.ts';

const buffer = await openSqliteBuffer({ dir: process.argv[2]!, maxBytes: 1024 ** 3 });
const { next } = buffer.state();
for (let after = 0; ; after += 50) {
  await buffer.append({ ...batchOf(50, next + after), after });
  process.stdout.write(`${next + after + 49}\n`);
}
