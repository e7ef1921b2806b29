/** Where a Modbus device is, as one writes it on a command line: the reverse of `connectionName`. */
import type { ModbusConnectionConfig } from '../../protocols/modbus/connection-config.ts';
import { usageError } from './command.ts';

const forms = 'tcp://host:502, rtu:///dev/ttyUSB0?9600,8n1, rtu-over-tcp://host:502 or udp://host:502';

const parities: Record<string, string> = { n: 'none', e: 'even', o: 'odd' };

export const isModbusTarget = (text: string): boolean => /^(tcp|rtu|rtu-over-tcp|udp):\/\//.test(text);

/** @throws {CommandError} usage. */
export async function modbusTarget(text: string, timeoutMs?: number): Promise<ModbusConnectionConfig> {
  const { modbusConnectionSchema } = await import('../../protocols/modbus/connection-config.ts');
  const parts = networkParts(text) ?? serialParts(text);
  if (!parts) throw usageError(`"${text}" is no Modbus connection`, `It must be ${forms}.`);
  const parsed = modbusConnectionSchema.safeParse({ ...parts, timeoutMs });
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw usageError(`${text}: ${path.join('.')}: ${message}`, `It must be ${forms}.`);
}

function networkParts(text: string): object | undefined {
  const [, transport, host, port] =
    /^(tcp|rtu-over-tcp|udp):\/\/(\[[0-9a-f:.]+\]|[^/:?#@]+)(?::(\d+))?\/?$/i.exec(text) ?? [];
  if (!transport || !host) return undefined;
  return { transport, host: host.replaceAll(/[[\]]/g, ''), port: port === undefined ? undefined : Number(port) };
}

/** Baud rate, then data bits, parity and stop bits as in `8n1`; both as the schema has them where left out. */
function serialParts(text: string): object | undefined {
  const [, path, baudRate, dataBits, parity, stopBits] =
    /^rtu:\/\/(\/[^?]+)(?:\?(\d+)(?:,([78])([neo])([12]))?)?$/.exec(text) ?? [];
  if (!path) return undefined;
  const serial = {
    path,
    baudRate: baudRate === undefined ? undefined : Number(baudRate),
    dataBits: dataBits === undefined ? undefined : Number(dataBits),
    parity: parity === undefined ? undefined : parities[parity],
    stopBits: stopBits === undefined ? undefined : Number(stopBits),
  };
  return { transport: 'rtu', serial };
}
