/** A Modbus connection: the way to it, and one answer of each unit, asked for the first register that is configured. */
import type { ModbusConfig } from '../../protocols/modbus/config.ts';
import { connectionName } from '../../protocols/modbus/connection-config.ts';
import { inspectRegisters } from '../../protocols/modbus/explore.ts';
import { tagsOf } from '../acquire/sources.ts';
import { failureReason } from '../status/failure-reason.ts';
import { bad, type Check, type Finding, good, reasonOf, warning } from './check.ts';
import { findName, findWay } from './network.ts';
import { findSerialPort } from './serial.ts';
import { findTags, type TagCheckOptions } from './tags.ts';

type RegisterRequest = Parameters<typeof inspectRegisters>[1];

const wayTimeoutMs = 15_000;
const longestMs = 120_000;

export function modbusCheck(source: ModbusConfig, options: TagCheckOptions): Check {
  const requests = firstOfEachUnit(source);
  return {
    name: () => `${source.id} (${connectionName(source)})`,
    timeoutMs: Math.min(longestMs, wayTimeoutMs + requests.length * 3 * source.timeoutMs),
    async run(signal) {
      const way = await findWayTo(source, signal);
      const findings = [...way];
      if (way.some(({ level }) => level === 'bad')) return findings;
      for (const request of requests) {
        const { finding, isBusy } = await findUnit(source, request, signal);
        findings.push(finding);
        // The line itself is not to be had: the next unit would say the same.
        if (isBusy) break;
      }
      const isWell = findings.every(({ level }) => level === 'good');
      return isWell ? [...findings, ...(await findTags(source, options, signal))] : findings;
    },
  };
}

async function findWayTo(
  { transport, host = '', port, serial }: ModbusConfig,
  signal: AbortSignal,
): Promise<Finding[]> {
  if (serial) return [await findSerialPort(serial.path)];
  if (transport !== 'udp') return findWay({ host, port }, signal);
  const name = await findName(host);
  return name ? [name] : [];
}

/** A register that is configured is there, unlike any that one could guess. */
function firstOfEachUnit(source: ModbusConfig): RegisterRequest[] {
  const requests = new Map<number, RegisterRequest>();
  for (const { inspect } of tagsOf(source)) {
    if (inspect.kind === 'modbus' && !requests.has(inspect.unit)) requests.set(inspect.unit, inspect);
  }
  return [...requests.values()];
}

async function findUnit(
  source: ModbusConfig,
  request: RegisterRequest,
  signal: AbortSignal,
): Promise<{ finding: Finding; isBusy?: true }> {
  const { unit, table, address } = request;
  try {
    const { exception, sentAt, answeredAt } = await inspectRegisters(source, request, signal);
    const took = Math.max(1, Math.round((answeredAt - sentAt) / 1000));
    if (exception === undefined) return { finding: good((say) => say.unitAnswers(unit, took)) };
    if (exception === 10 || exception === 11) return { finding: bad((say) => say.unitBehindGateway(unit, exception)) };
    return { finding: warning((say) => say.unitRefuses(unit, table, address, exception)) };
  } catch (error) {
    const reason = reasonOf(error);
    if (failureReason(reason) === 'port-busy') {
      return { finding: bad((say) => say.serialBusy(reason, source.serial?.path ?? '')), isBusy: true };
    }
    return { finding: bad((say) => say.unitSilent(unit, reason, source.timeoutMs)) };
  }
}
