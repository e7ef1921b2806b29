/** How to reach Modbus devices: the part of an entry that probing and scanning need as well. */
import { z } from 'zod';

export const transports = ['tcp', 'rtu', 'rtu-over-tcp', 'udp'] as const;
export type Transport = (typeof transports)[number];

/** A serial line as the devices on it are set: at the device's panel, or in its manual. */
const serialSchema = z.strictObject({
  /** `/dev/ttyUSB0`, better `/dev/serial/by-id/…`, which stays when adapters are swapped. */
  path: z.string().min(1).max(4096),
  baudRate: z.int().min(50).max(4_000_000).default(9600),
  /** Modbus over serial line 2.5.1 asks for even; many devices come with none. */
  parity: z.enum(['none', 'even', 'odd']).default('even'),
  /** RTU has no other (Modbus over serial line 2.5.1); devices that speak with 7 speak Modbus ASCII. */
  dataBits: z.literal(8, 'RTU needs 8 data bits; a device that is set to 7 speaks Modbus ASCII').default(8),
  stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
});
export type SerialConfig = z.infer<typeof serialSchema>;

/** Without the rules between its keys: `refuseMixedTransport` has those. */
export const modbusConnectionShape = {
  transport: z.enum(transports).default('tcp'),
  /** Of all transports but `rtu`. */
  host: z.string().min(1).max(253).optional(),
  port: z.int().min(1).max(65_535).default(502),
  /** Of `rtu` only. */
  serial: serialSchema.optional(),
  /** For the connection and for every reply. */
  timeoutMs: z.int().min(50).max(60_000).default(1000),
  /** Between a reply and the next request; on a serial line never less than its 3.5 characters of silence. */
  pauseMs: z.int().min(0).max(10_000).default(0),
};

export const modbusConnectionSchema = z.strictObject(modbusConnectionShape).superRefine(refuseMixedTransport);
export type ModbusConnectionConfig = z.infer<typeof modbusConnectionSchema>;

export function refuseMixedTransport(
  { transport, host, serial }: { transport: Transport; host?: string | undefined; serial?: SerialConfig | undefined },
  issues: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void },
): void {
  const mistake = (key: string, message: string) => issues.addIssue({ code: 'custom', path: [key], message });
  if (transport === 'rtu') {
    if (!serial) mistake('serial', 'transport rtu needs serial: { path: /dev/… }');
    if (host !== undefined) mistake('host', 'a serial line has no host; RTU through a converter is rtu-over-tcp');
  } else {
    if (host === undefined) mistake('host', `transport ${transport} needs a host`);
    if (serial) mistake('serial', `transport ${transport} has no serial line`);
  }
}

/** Where it is, for people: `tcp://192.168.10.20:502`, `rtu:///dev/ttyUSB0?9600,8e1`. */
export function connectionName({ transport, host, port, serial }: ModbusConnectionConfig): string {
  if (!serial) return `${transport}://${host}:${port}`;
  const { path, baudRate, dataBits, parity, stopBits } = serial;
  return `rtu://${path}?${baudRate},${dataBits}${parity[0]}${stopBits}`;
}
