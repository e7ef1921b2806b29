/** A free port for a program that cannot take port 0 by itself. */
import { createServer } from 'node:net';

/** Free when it resolves; nothing keeps it free. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
