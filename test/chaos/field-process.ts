/** The field as a process: one Modbus TCP server per agent, whose registers hold what `truth.ts` says. `ports` as arguments. */
import { ServerTCP } from 'modbus-serial';
import { shownValue, tickAt } from './truth.ts';

for (const [agent, port] of process.argv.slice(2).map(Number).entries()) {
  const wordAt = (address: number, tick: number): number => {
    const value = shownValue(agent, address >> 1, tick);
    return address % 2 === 0 ? Math.floor(value / 65536) : value % 65536;
  };
  const getMultipleHoldingRegisters = (address: number, length: number): number[] => {
    // One for the whole block: a value is never half of this tick and half of the next.
    const tick = tickAt(Date.now());
    return Array.from({ length }, (_, i) => wordAt(address + i, tick));
  };
  const server = new ServerTCP({ getMultipleHoldingRegisters }, { host: '127.0.0.1', port, unitID: 0 });
  server.on('socketError', () => {});
}
