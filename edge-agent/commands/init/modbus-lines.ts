/** A Modbus connection as lines of agent.yaml; what is as usual is left out. */
import type { ModbusConnectionConfig } from '../../../protocols/modbus/connection-config.ts';
import { yamlText } from './context.ts';

export function connectionLines({ transport, host, port, serial }: ModbusConnectionConfig): string[] {
  if (!serial)
    return [...(transport === 'tcp' ? [] : [`transport: ${transport}`]), `host: ${yamlText(host!)}`, `port: ${port}`];
  const { path, baudRate, parity, dataBits, stopBits } = serial;
  const line = `baudRate: ${baudRate}, parity: ${parity}, dataBits: ${dataBits}, stopBits: ${stopBits}`;
  return ['transport: rtu', `serial: { path: ${yamlText(path)}, ${line} }`];
}
