/** One read for a person, over whichever link: what the registers hold, undecoded. */
import type { Clock } from '../clock.ts';
import { ConnectionError, RejectedError } from '../errors.ts';
import type { Inspection, InspectRequest } from '../inspect.ts';
import type { RequestTiming } from './connection.ts';
import type { Link } from './link.ts';
import { isBitTable } from './table.ts';
import { timeOf } from './unit.ts';

/** What one reply can hold (Modbus 6.1 to 6.4). */
const maxBits = 2000;
const maxRegisters = 125;

/** @throws {ConnectionError} when no proper reply comes. @throws {RejectedError} when it cannot be one request. */
export async function inspect(
  link: Link,
  request: InspectRequest,
  timing: RequestTiming,
  clock: Clock,
): Promise<Inspection & { kind: 'modbus' }> {
  if (request.kind !== 'modbus') throw new RejectedError('this source reads Modbus only', { reason: 'unsupported' });
  const { unit, table, address, count } = request;
  const isBits = isBitTable(table);
  const most = Math.min(isBits ? maxBits : maxRegisters, 65_536 - address);
  if (!(Number.isInteger(count) && count >= 1 && count <= most && address >= 0 && unit >= 0 && unit <= 255)) {
    throw new RejectedError(`cannot read ${count} from ${table} ${address} of unit ${unit}`, { reason: 'range' });
  }
  const reply = await link.request(unit, { table, address, count }, timing);
  const [sentAt, answeredAt] = [timeOf(reply.sentAtMs, clock), timeOf(reply.heardAtMs, clock)];
  switch (reply.kind) {
    case 'data':
      return { kind: 'modbus', words: isBits ? bitsOf(reply.data, count) : wordsOf(reply.data), sentAt, answeredAt };
    case 'exception':
      return { kind: 'modbus', words: [], exception: reply.code, sentAt, answeredAt };
    case 'silence':
      throw new ConnectionError(`unit ${unit} did not answer in ${timing.timeoutMs} ms`);
    case 'closed':
      throw new ConnectionError(`the connection was closed when unit ${unit} was asked`);
    case 'garbage':
      throw new ConnectionError(`unit ${unit} gave no proper reply`);
  }
}

const wordsOf = (data: Buffer): number[] => Array.from({ length: data.length / 2 }, (_, i) => data.readUInt16BE(i * 2));

/** Modbus 6.1: the first bit asked for is the least significant of the first byte. */
const bitsOf = (data: Buffer, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (data[i >> 3]! >> (i & 7)) & 1);
