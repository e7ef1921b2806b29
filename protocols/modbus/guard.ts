/**
 * The last line before the wire: nothing leaves but one whole request to read. A driver that cannot write cannot break
 * a machine, whatever is configured and whatever the library above is asked to do.
 */
import { crc16, type FramingKind } from './frame.ts';

/** Read coils, discrete inputs, holding registers, input registers (Modbus 6.1 to 6.4). */
const isReading = (code: number | undefined): boolean => code === 1 || code === 2 || code === 3 || code === 4;

/** The same bytes. @throws when they are anything but one read request in this framing: a fault of ours. */
export function onlyReading(adu: Uint8Array, framing: FramingKind): Uint8Array {
  const allowed = framing === 'mbap' ? isMbapRead(adu) : isRtuRead(adu);
  if (!allowed) throw new Error('refused to send what is no Modbus read request');
  return adu;
}

/** Protocol 0, a length of 6, and then unit, function, address and count: so it is the function that stands at byte 7. */
const isMbapRead = (adu: Uint8Array): boolean =>
  adu.length === 12 && adu[2] === 0 && adu[3] === 0 && adu[4] === 0 && adu[5] === 6 && isReading(adu[7]);

const isRtuRead = (adu: Uint8Array): boolean =>
  adu.length === 8 && isReading(adu[1]) && crc16(adu, 0, 6) === (adu[6]! | (adu[7]! << 8));
