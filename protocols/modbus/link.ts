/**
 * The connection of a session to its server. After a request that got no proper answer it takes a new one for the
 * next request: the units beside a dead one go on, and no late reply can ever meet a later request.
 */
import { connectModbus, type ModbusAddress, type Reply } from './connection.ts';
import type { Block } from './plan.ts';

export interface Link {
  /** Aborted when the session must end: the server closed the connection, or the session's own signal aborted. */
  readonly closed: AbortSignal;
  /** @throws {ConnectionError} when the connection was lost or a new one cannot be made. */
  request(unit: number, block: Block): Promise<Reply>;
  close(): void;
}

/** @throws {ConnectionError} */
export async function connectLink(address: ModbusAddress, signal: AbortSignal): Promise<Link> {
  let connection = await connectModbus(address, signal);
  /** The connection was closed by us, for what came or did not come over it. */
  let spent = false;

  return {
    get closed() {
      return spent ? signal : connection.closed;
    },
    async request(unit, block) {
      if (spent) connection = await connectModbus(address, signal);
      spent = false;
      const reply = await connection.request(unit, block);
      spent = reply.kind === 'silence' || reply.kind === 'garbage';
      return reply;
    },
    close: () => connection.close(),
  };
}
