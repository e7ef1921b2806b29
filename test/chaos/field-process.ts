/** The field as a process: one Modbus TCP server per agent, whose registers hold what `truth.ts` says. `ports` as arguments. */
import { ServerTCP } from 'modbus-serial';
import { shownValue } from './truth.ts';

for (const [agent, port] of process.argv.slice(2).map(Number).entries()) {
  const wordAt = (address: number, second: number): number => {
    const value = shownValue(agent, address >> 1, second);
    return address % 2 === 0 ? Math.floor(value / 65536) : value % 65536;
  };
  const getMultipleHoldingRegisters = (address: number, length: number): number[] => {
    // One second for the whole block: a value is never half of this one and half of the next.
    const second = Math.floor(Date.now() / 1000);
    return Array.from({ length }, (_, i) => wordAt(address + i, second));
  };
  const server = new ServerTCP({ getMultipleHoldingRegisters }, { host: '127.0.0.1', port, unitID: 0 });
  server.on('socketError', () => {});
}
