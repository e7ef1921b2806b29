/**
 * mqtt-packet keeps a buffer of four bytes for every length of a packet below 16 KB that it has ever written. Made one at a
 * time, each keeps alive the slab of 64 KB that Node cut it from: an agent grew by some 40 MB an hour, and could have by
 * a gigabyte. Made all at once, when this is loaded, they lie side by side in a quarter of a megabyte.
 */
import { writeToStream } from 'mqtt-packet';

const topic = 't';
const longest = 2 ** 14 - 1;
const payload = Buffer.alloc(longest - 2 - topic.length);
const nowhere = { write: () => true } as unknown as NodeJS.WritableStream;

for (let size = 0; size <= payload.length; size++) {
  const some = payload.subarray(0, size);
  writeToStream({ cmd: 'publish', topic, payload: some, qos: 0, dup: false, retain: false }, nowhere);
}
