/** What a configuration asks of its line: the requests, their bytes, the time they need; and whether that can be at all. */
import { connectionName, type ModbusConnectionConfig } from './connection-config.ts';
import type { ModbusDevice } from './device.ts';
import { assumptionsOf, frameBytes, lineTime } from './line-time.ts';
import { type Block, planReads } from './plan.ts';
import { kindOfReply, listenMs } from './repeats.ts';
import type { Table } from './table.ts';
import { replyBytes } from './table.ts';

export interface PlannedRequest {
  readonly table: Table;
  /** From 0, as on the wire. */
  readonly address: number;
  /** Registers or bits. */
  readonly count: number;
  readonly tags: number;
  /** Of request and reply, without what the network adds. */
  readonly bytes: number;
}

export interface PlanReport {
  readonly groups: readonly {
    readonly unit: number;
    readonly intervalMs: number;
    readonly requests: readonly PlannedRequest[];
  }[];
  readonly requestsPerS: number;
  readonly bytesPerS: number;
  /** Time of the line that a second's requests need, as expected. */
  readonly msPerS: number;
  /** `msPerS` of 1000. */
  readonly utilisation: number;
  /** What `msPerS` stands on. */
  readonly assumptions: readonly string[];
  /** Why it cannot work, with devices however quick: such a configuration is refused. */
  readonly problems: readonly string[];
  /** What is to be expected of ordinary devices. */
  readonly warnings: readonly string[];
}

export function planReport(config: ModbusConnectionConfig & { readonly devices: readonly ModbusDevice[] }): PlanReport {
  let requestsPerS = 0;
  let bytesPerS = 0;
  let leastMsPerS = 0;
  let msPerS = 0;
  const listening = new Map<number, number>();
  const groups = planReads(config).map(({ unit, intervalMs, pauseMs, blocks }) => {
    const perS = 1000 / intervalMs;
    const requests = blocks.map((block): PlannedRequest => {
      const { table, address, count, tags } = block;
      const { request, reply } = frameBytes(config, replyBytes(block));
      const { leastMs, expectedMs } = lineTime(config, request + reply, pauseMs);
      requestsPerS += perS;
      bytesPerS += (request + reply) * perS;
      leastMsPerS += leastMs * perS;
      msPerS += expectedMs * perS;
      return { table, address, count, tags: tags.length, bytes: request + reply };
    });
    listening.set(unit, (listening.get(unit) ?? 0) + msOfListening(config, blocks) * perS);
    return { unit, intervalMs, requests };
  });
  // Meanwhile other units are read, so what one of them needs alone counts only where that is the most.
  const longestMsPerS = Math.max(0, ...listening.values());

  const problems: string[] = [];
  const warnings: string[] = [];
  const line = config.serial ? `serial line ${config.serial.path}` : connectionName(config);
  if (leastMsPerS > 1000) problems.push(`${line} needs ${inSeconds(leastMsPerS)} of every second${whatHelps(config)}`);
  else if (msPerS > 1000)
    warnings.push(`${line} is expected to need ${inSeconds(msPerS)} of every second: reads will be skipped`);
  else if (longestMsPerS > 1000)
    warnings.push(
      `${line} needs ${inSeconds(longestMsPerS)} of every second to tell replies of one unit apart: reads will be skipped`,
    );
  return {
    groups,
    requestsPerS,
    bytesPerS,
    msPerS,
    utilisation: msPerS / 1000,
    assumptions: assumptionsOf(config),
    problems,
    warnings,
  };
}

/** Over RTU, requests whose replies are alike are kept apart: from the first of them to the last, at the least. */
function msOfListening({ transport }: ModbusConnectionConfig, blocks: readonly Block[]): number {
  if (transport === 'tcp' || transport === 'udp') return 0;
  const alike = Map.groupBy(blocks, (block) => kindOfReply(0, block)).values();
  return Math.max(...[...alike].map((kind) => kind.length - 1)) * listenMs;
}

const whatHelps = ({ serial }: ModbusConnectionConfig): string =>
  serial ? ': raise intervalMs or baudRate' : ' for its pauses alone: raise intervalMs or lower pauseMs';

/** Rounded up: 1.04 s of a second is not 1 s. */
const inSeconds = (ms: number): string => `${Math.ceil(ms / 100) / 10} s`;
