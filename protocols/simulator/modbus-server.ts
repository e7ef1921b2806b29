/**
 * A Modbus TCP server over some units of the register map. Each request is answered from one instant of the factory,
 * brought up to now first; what a request spans that is not mapped is exception 2 (Modbus 7), as with a real PLC.
 */
import type { Server } from 'node:net';
import { ServerTCP } from 'modbus-serial';
import type { Signal } from './factory-record.ts';
import { encodeWords, type ModbusUnit, wordsOf } from './register-map.ts';

export interface ModbusServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly units: readonly ModbusUnit[];
  /** The tags of the plant that the units belong to. */
  readonly signals: readonly Signal[];
  /** Brings the signals up to now; called before every answer. */
  readonly advance: () => void;
}

export interface ModbusServer {
  readonly port: number;
  close(): Promise<void>;
}

type ReadWord = () => number;

const exception = {
  illegalFunction: 0x01,
  illegalAddress: 0x02,
  illegalValue: 0x03,
  targetFailedToRespond: 0x0b,
} as const;
const maxRegistersPerRead = 125;

/** @throws the system's error when the port is taken. */
export async function startModbusServer(options: ModbusServerOptions): Promise<ModbusServer> {
  const tables = new Map(options.units.map((unit) => [unit.unitId, tableOf(unit, options.signals)]));

  const read = (address: number, length: number, unitId: number): number[] => {
    const table = tables.get(unitId) ?? refuse(exception.targetFailedToRespond);
    if (length > maxRegistersPerRead) refuse(exception.illegalValue);
    options.advance();
    return Array.from({ length }, (_, index) => (table.get(address + index) ?? refuse(exception.illegalAddress))());
  };
  const readOne = (address: number, unitId: number): number => read(address, 1, unitId)[0]!;

  const server = new ServerTCP(
    {
      getHoldingRegister: readOne,
      getInputRegister: readOne,
      getMultipleHoldingRegisters: read,
      getMultipleInputRegisters: read,
      // Left out, these functions would not be answered at all.
      getCoil: unsupported,
      getDiscreteInput: unsupported,
      setCoil: unsupported,
      setRegister: unsupported,
    },
    // The number 0 would be taken for "not given" and become 502; the text '0' reaches listen() as it is.
    { host: options.host, port: String(options.port) as unknown as number, unitID: 255 },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('initialized', () => resolve());
    server.once('serverError', reject);
  });
  const { _server } = server as unknown as { readonly _server: Server };
  const bound = _server.address();
  return {
    port: typeof bound === 'object' && bound ? bound.port : options.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What stands in each register, by its address. */
function tableOf(unit: ModbusUnit, signals: readonly Signal[]): Map<number, ReadWord> {
  const byPath = new Map(signals.map((signal) => [signal.path, signal]));
  const table = new Map<number, ReadWord>();
  for (const { address, type, path } of unit.registers) {
    const signal = byPath.get(path);
    if (!signal)
      throw new RangeError(`register ${unit.unitId}/${address} shows ${path}, which the factory does not have`);
    for (let word = 0; word < wordsOf(type); word++) {
      table.set(address + word, () => encodeWords(type, unit.wordOrder, Number(signal.value))[word]!);
    }
  }
  return table;
}

const unsupported = (): never => refuse(exception.illegalFunction);

/** modbus-serial answers with the exception code that the error carries. */
function refuse(modbusErrorCode: number): never {
  throw Object.assign(new Error(`Modbus exception ${modbusErrorCode}`), { modbusErrorCode });
}
