/**
 * The schema of one Modbus entry of agent.yaml. It imports no library: the agent reads it even where no Modbus is used.
 * What comes out is the same for every way of writing it: addresses from 0, byte orders in full, all limits at the device.
 */
import { z } from 'zod';
import { type Addressing, addressings, placeOf } from './address.ts';
import { type DeviceOrder, orderOfSize, orders32 } from './byte-order.ts';
import { modbusConnectionShape, refuseMixedTransport } from './connection-config.ts';
import type { ModbusDevice, ModbusTag } from './device.ts';
import { orderedBytes } from './format.ts';
import { planReport } from './plan-report.ts';
import { mistakesIn } from './tag-mistakes.ts';
import { type WrittenTag, writtenTagSchema } from './tag-schema.ts';

/** Of a device, or of all devices of the source. */
const limitsShape = {
  /** Most registers that the device gives in one reply; of bits, sixteen times as many. */
  maxRegisters: z.int().min(1).max(125),
  /** Registers that may be read for nothing to save a request. */
  maxGap: z.int().min(0).max(124),
  /** `zero-based` unless written. */
  addressing: z.enum(addressings),
};

const writtenDeviceSchema = z.strictObject({
  /** Unit id, also called slave address; 255 for a device that is addressed by its IP address alone. */
  unit: z
    .int()
    .min(1)
    .max(255)
    .refine((unit) => unit <= 247 || unit === 255, 'must be 1 to 247, or 255'),
  /** For people. */
  name: z.string().max(100).optional(),
  byteOrder: z.enum(orders32).default('ABCD'),
  intervalMs: z.int().min(10).max(3_600_000).default(1000),
  /** These instead of the source's. */
  timeoutMs: modbusConnectionShape.timeoutMs.unwrap().optional(),
  pauseMs: modbusConnectionShape.pauseMs.unwrap().optional(),
  maxRegisters: limitsShape.maxRegisters.optional(),
  maxGap: limitsShape.maxGap.optional(),
  addressing: limitsShape.addressing.optional(),
  tags: z.array(writtenTagSchema).min(1).max(10_000),
});

const writtenSourceSchema = z
  .strictObject({
    kind: z.literal('modbus'),
    id: z
      .string()
      .max(64)
      .regex(/^[a-z0-9_-]+$/, 'must be one lower-case word'),
    ...modbusConnectionShape,
    maxRegisters: limitsShape.maxRegisters.default(125),
    maxGap: limitsShape.maxGap.default(8),
    addressing: limitsShape.addressing.optional(),
    /** A unit may appear more than once, to read some of its tags at another interval. */
    devices: z.array(writtenDeviceSchema).min(1).max(1000),
  })
  .superRefine(refuseMixedTransport);

export const modbusSourceSchema = writtenSourceSchema.transform((source, issues) => {
  const paths = new Set<string>();
  const { maxRegisters, maxGap, addressing, devices, ...connection } = source;
  const resolved = devices.map((device, d): ModbusDevice => {
    const { byteOrder, addressing: ownAddressing, tags, ...settings } = device;
    const limits = {
      timeoutMs: device.timeoutMs ?? source.timeoutMs,
      pauseMs: device.pauseMs ?? source.pauseMs,
      maxRegisters: device.maxRegisters ?? maxRegisters,
      maxGap: device.maxGap ?? maxGap,
    };
    const resolvedTags = tags.flatMap((tag, t) => {
      const tell = (message: string, ...path: string[]) =>
        issues.addIssue({ code: 'custom', path: ['devices', d, 'tags', t, ...path], message });
      if (paths.has(tag.path)) tell(`"${tag.path}" is there twice`, 'path');
      paths.add(tag.path);
      return resolveTag(tag, { byteOrder, addressing: ownAddressing ?? addressing, ...limits }, tell) ?? [];
    });
    return { ...settings, ...limits, tags: resolvedTags };
  });
  const config = { ...connection, devices: resolved };
  if (issues.issues.length === 0) {
    for (const message of planReport(config).problems) issues.addIssue({ code: 'custom', path: ['devices'], message });
  }
  return config;
});
export type ModbusConfig = z.infer<typeof modbusSourceSchema>;

function resolveTag(
  tag: WrittenTag,
  device: { byteOrder: DeviceOrder; addressing: Addressing | undefined; maxRegisters: number },
  tell: (message: string, ...path: string[]) => void,
): ModbusTag | undefined {
  const place = placeOf(tag, device.addressing);
  if ('mistake' in place) {
    tell(place.mistake, place.key);
    return undefined;
  }
  const mistakes = mistakesIn(tag, place, device.maxRegisters);
  for (const { path, message } of mistakes) tell(message, ...path);

  const { format = 'bit', invalid } = tag;
  const byteOrder = orderOfSize(tag.byteOrder ?? device.byteOrder, orderedBytes(format));
  if (mistakes.length > 0 || byteOrder === undefined) return undefined;
  return { ...tag, ...place, format, byteOrder, invalid: invalid === undefined ? undefined : [invalid].flat() };
}
