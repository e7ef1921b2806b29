/** A free port for a program that cannot take port 0 by itself. */
import { createServer } from 'node:net';

/**
 * Below the range from which Linux gives ports to whoever connects (net.ipv4.ip_local_port_range), so that nobody is given one between
 * its choice and its use; a slice for each process, so that tests side by side do not choose the same; and none twice
 * before all have had their turn: a program may choose one, and take it a moment later.
 */
const first = 10_000;
const sliceSize = 50;
const slices = 440;
const slice = first + (process.pid % slices) * sliceSize;
let chosen = 0;

/** Free when it resolves. @throws when all of this process's slice are taken. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tried = 0; tried < sliceSize; tried++) {
    const port = slice + (chosen++ % sliceSize);
    if (await canListen(port, host)) return port;
  }
  throw new Error(`no port is free from ${slice} to ${slice + sliceSize - 1}`);
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
