/** Looking at devices without a running source: over a short connection of its own, which never disturbs another. */
import { systemClock } from '../clock.ts';
import type { Inspection, InspectRequest } from '../inspect.ts';
import type { ModbusConnectionConfig } from './connection-config.ts';
import { inspect } from './inspect.ts';
import { connectLink } from './link.ts';

/** @throws {ConnectionError} @throws {RejectedError} as `inspect` does. */
export async function inspectRegisters(
  config: ModbusConnectionConfig,
  request: InspectRequest & { kind: 'modbus' },
  signal: AbortSignal,
): Promise<Inspection & { kind: 'modbus' }> {
  const link = await connectLink(config, signal);
  try {
    return await inspect(link, request, config, systemClock);
  } finally {
    link.close();
  }
}

export interface ScannedUnit {
  readonly unit: number;
  /** An exception proves that a device is there as well, but for 10 and 11, which a gateway gives in its place. */
  readonly answer: 'data' | 'exception' | 'silence';
  readonly exception?: number;
  /** How long it took. */
  readonly ms: number;
}

/** Asks each unit for its first holding register; what is no proper reply counts as silence. @throws {ConnectionError} */
export async function* scanUnits(
  config: ModbusConnectionConfig,
  units: Iterable<number>,
  signal: AbortSignal,
): AsyncGenerator<ScannedUnit> {
  const link = await connectLink(config, signal);
  try {
    for (const unit of units) {
      const startedAt = performance.now();
      const reply = await link.request(unit, { table: 'holding', address: 0, count: 1 }, config);
      const ms = performance.now() - startedAt;
      if (reply.kind === 'exception') yield { unit, answer: 'exception', exception: reply.code, ms };
      else yield { unit, answer: reply.kind === 'data' ? 'data' : 'silence', ms };
    }
  } finally {
    link.close();
  }
}
