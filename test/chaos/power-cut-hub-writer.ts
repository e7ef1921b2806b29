/**
 * Settles groups of frames in a ledger and an embedded store, and says the last number of each once it is acknowledged.
 * Its system calls are recorded. Arguments: folder, seed, groups.
 */
import { writeSync } from 'node:fs';
import { openHubSide } from './power-cut-hub.ts';
import { createRandom } from './random.ts';

const [dir, seed, groups] = process.argv.slice(2);
const random = createRandom(Number(seed));
await using hub = await openHubSide(dir!);
for (let group = 0; group < Number(groups); group++) {
  // Now and then more rows than DuckDB keeps in its log: it writes them into the file at once.
  const frames = group % 30 === 20 ? 17 : Math.ceil(random.between(0, 5));
  const longest = group % 30 === 20 ? 8000 : 800;
  await hub.feed(Array.from({ length: frames }, () => Math.ceil(random.between(longest / 8, longest))));
  writeSync(1, `${hub.through}\n`);
}
