/**
 * Modbus TCP servers in a thread of their own, one per client that is compared. Two registers in a row make a float with
 * all its digits. Each server notes when each cycle of its client begins and ends.
 */
import { parentPort } from 'node:worker_threads';
import { startScriptedServer, wordsReply } from '../support/modbus-faulty-server.ts';

/** Requests that lie further apart belong to different cycles. */
const apartMs = 150;

export interface FieldReport {
  readonly port: number;
  /** From the first request to the last reply, in Unix milliseconds. */
  readonly cycles: readonly { readonly startMs: number; readonly endMs: number }[];
}

const unixMs = () => performance.timeOrigin + performance.now();

const servers = await Promise.all(
  Array.from({ length: 2 }, async () => {
    const cycles: { startMs: number; endMs: number }[] = [];
    const replies = new Map<string, Buffer>();
    const server = await startScriptedServer('mbap', (request, peer) => {
      const startMs = unixMs();
      if (startMs - (cycles.at(-1)?.endMs ?? 0) > apartMs) cycles.push({ startMs, endMs: startMs });
      // Made once: what the server throws away is collected in the middle of a cycle, and counts as its client's time.
      const key = `${request.unit} ${request.code} ${request.address} ${request.count}`;
      const words = () => Array.from({ length: request.count }, (_, i) => 0x4100 | ((request.address + i) & 0xff));
      const reply = replies.get(key) ?? wordsReply('mbap', request, words());
      replies.set(key, reply);
      reply.writeUInt16BE(request.transaction, 0);
      peer.write(reply);
      cycles.at(-1)!.endMs = unixMs();
    });
    return { port: server.port, cycles };
  }),
);
const report = () => parentPort!.postMessage(servers satisfies FieldReport[]);
parentPort!.on('message', report);
report();
