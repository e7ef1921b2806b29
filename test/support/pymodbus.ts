/** A Modbus server that is not of our making: pymodbus, over TCP, UDP, RTU over TCP, or RTU on a serial line. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';

const python = '/usr/bin/python3';
const script = `
import os, sys, threading, time
from pymodbus.server import StartTcpServer, StartUdpServer, StartSerialServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
kind, where = sys.argv[1], sys.argv[2]
block = lambda values: ModbusSequentialDataBlock(0, values)
unit = ModbusSlaveContext(hr=block([0, 0, 0, 0]), ir=block(list(range(1000, 1125))), co=block([True, False, True] * 700), di=block([False, True] * 16), zero_mode=True)
context = ModbusServerContext(slaves={1: unit, 2: ModbusSlaveContext(hr=block([0]), zero_mode=True)}, single=False)
def commands():
    for line in sys.stdin:
        unit.setValues(3, 0, [int(line)])
        print("set", flush=True)
    os._exit(0)
threading.Thread(target=commands, daemon=True).start()
def say_when_up():
    time.sleep(0.3)
    print("up", flush=True)
threading.Thread(target=say_when_up, daemon=True).start()
address = ("127.0.0.1", int(where)) if kind != "rtu" else None
if kind == "tcp": StartTcpServer(context=context, address=address)
if kind == "udp": StartUdpServer(context=context, address=address)
if kind == "rtu-over-tcp": StartTcpServer(context=context, address=address, framer=ModbusRtuFramer)
if kind == "rtu": StartSerialServer(context=context, port=where, framer=ModbusRtuFramer, baudrate=19200, parity="N")
`;

export interface Pymodbus extends AsyncDisposable {
  /** Sets holding register 0 of unit 1; it is set on return. */
  write(value: number): Promise<void>;
}

/**
 * Unit 1 has holding registers 0 to 3, input registers 0 to 124 holding 1000 to 1124, 2,100 coils (on, off, on, …) and
 * 32 discrete inputs; unit 2 has holding register 0. `where`: the port of 127.0.0.1, or the path of the line.
 */
export async function startPymodbus(kind: string, where: string | number): Promise<Pymodbus> {
  const child = spawn(python, ['-c', script, kind, String(where)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (String(said).trim() !== 'up') throw new Error('pymodbus did not start');
  return {
    async write(value) {
      child.stdin.write(`${value}\n`);
      await once(child.stdout, 'data');
    },
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** False when it is not installed, and then the test has been skipped or failed. */
export function requirePymodbusOrSkip(t: Test): boolean {
  if (spawnSync(python, ['-c', 'import pymodbus.server, serial_asyncio']).status === 0) return true;
  const missing = 'python3-pymodbus, with python3-serial-asyncio, is not installed';
  if (process.env.PAYESH_REQUIRE_COUNTERPARTS) t.fail(`${missing}, and counterparts are required here`);
  else t.plan(0, missing);
  return false;
}
