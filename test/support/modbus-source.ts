/** The Modbus driver as a test configures it, and what it reads. */
import { type Clock, systemClock } from '../../protocols/clock.ts';
import { modbusSourceSchema } from '../../protocols/modbus/config.ts';
import { createModbusSource } from '../../protocols/modbus/source.ts';
import { modbusTags } from '../../protocols/modbus/tags.ts';
import type { Sample } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';

/** Tags have the ids 1, 2, 3 in the order of the configuration. */
export function modbusSource(config: object, clock: Clock = systemClock): Source {
  const parsed = modbusSourceSchema.parse({ kind: 'modbus', id: 'plc', host: '127.0.0.1', ...config });
  const tagIds = new Map(modbusTags(parsed).map(({ path }, i) => [path, i + 1]));
  return createModbusSource(parsed, {
    tagIds,
    declare: async () => tagIds,
    acceptedUntil: () => undefined,
    secret: () => '',
    clock,
    dataDir: '',
    log: { info() {}, warn() {} },
  });
}

/** The readings until they are enough. */
export async function take(source: Source, enough: (readings: readonly Reading[]) => boolean): Promise<Reading[]> {
  const stop = new AbortController();
  const readings: Reading[] = [];
  for await (const reading of source.read(stop.signal)) {
    readings.push(reading);
    if (enough(readings)) stop.abort();
  }
  return readings;
}

export const samplesOf = (readings: readonly Reading[], tag: number): Sample[] =>
  readings.flatMap(({ samples }) => samples.filter((sample) => sample.tag === tag));
