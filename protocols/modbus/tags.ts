/** What a Modbus entry declares of its tags. The type follows from the format: a scaled integer is a float. */
import type { TagDeclaration } from '../tag-config.ts';
import type { ModbusConfig, ModbusTag } from './config.ts';

export function modbusTags(config: ModbusConfig): TagDeclaration[] {
  return config.devices.flatMap((device) =>
    device.tags.map((tag) => ({
      path: tag.path,
      type: typeOf(tag),
      unit: tag.unit,
      role: tag.role,
      intervalMs: device.intervalMs,
      counter: tag.counter,
      report: tag.report,
    })),
  );
}

function typeOf(tag: ModbusTag): TagDeclaration['type'] {
  if (tag.format === 'bit') return 'bool';
  const isInteger = !tag.format.startsWith('float') && tag.scale === undefined && tag.offset === undefined;
  return isInteger ? 'int' : 'float';
}
