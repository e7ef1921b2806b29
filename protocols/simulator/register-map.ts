/**
 * The Modbus registers of the packaging plant, as the makers of its PLC and meters laid them out. Addresses count
 * from 0 and are served alike by functions 3 (holding) and 4 (input registers); between the blocks lies nothing.
 *
 * | server    | unit | address | type | words | tag                                | one count is |
 * |-----------|------|---------|------|-------|------------------------------------|--------------|
 * | line      | 1    | 0       | u16  |       | packaging/line-1/filler/status     | bits         |
 * | line      | 1    | 1       | u32  | ABCD  | packaging/line-1/filler/count-total|              |
 * | line      | 1    | 3       | u32  | ABCD  | packaging/line-1/filler/count-good |              |
 * | line      | 1    | 5       | u32  | ABCD  | packaging/line-1/filler/count-scrap|              |
 * | line      | 1    | 100     | f32  | ABCD  | packaging/line-1/filler/speed      | 1/min        |
 * | line      | 1    | 102     | f32  | ABCD  | packaging/line-1/filler/temperature| °C           |
 * | line      | 2    | 0       | u16  |       | packaging/line-1/capper/status     | bits         |
 * | line      | 2    | 1       | u16  |       | packaging/line-1/capper/count-total|              |
 * | line      | 2    | 2       | u16  |       | packaging/line-1/capper/count-good |              |
 * | line      | 2    | 3       | u16  |       | packaging/line-1/capper/count-scrap|              |
 * | line      | 2    | 100     | f32  | ABCD  | packaging/line-1/capper/speed      | 1/min        |
 * | line      | 3    | 0       | u16  |       | packaging/line-1/packer/status     | bits         |
 * | line      | 3    | 1       | u32  | CDAB  | packaging/line-1/packer/count-total|              |
 * | line      | 3    | 3       | u32  | CDAB  | packaging/line-1/packer/count-good |              |
 * | line      | 3    | 5       | u32  | CDAB  | packaging/line-1/packer/count-scrap|              |
 * | line      | 3    | 100     | f32  | CDAB  | packaging/line-1/packer/speed      | 1/min        |
 * | line      | 3    | 102     | f32  | CDAB  | packaging/line-1/packer/temperature| °C           |
 * | utilities | 10   | 0       | u32  | CDAB  | energy/main/kwh                    | 0.1 kWh      |
 * | utilities | 10   | 2       | f32  | CDAB  | energy/main/power                  | kW           |
 * | utilities | 10   | 4       | f32  | CDAB  | energy/main/reactive-power         | kvar         |
 * | utilities | 10   | 6       | i16  |       | energy/main/power-factor           | 0.001        |
 * | utilities | 10   | 7       | u32  | CDAB  | energy/main/kvarh                  | 0.1 kvarh    |
 * | utilities | 11   | 0       | f32  | ABCD  | utilities/compressor/pressure      | bar          |
 * | utilities | 11   | 2       | f32  | ABCD  | utilities/compressor/temperature   | °C           |
 * | utilities | 11   | 4       | f32  | ABCD  | utilities/compressor/power         | kW           |
 * | utilities | 12   | 0       | f32  | ABCD  | utilities/boiler/steam-pressure    | bar          |
 * | utilities | 12   | 2       | f32  | ABCD  | utilities/boiler/temperature       | °C           |
 * | utilities | 12   | 10      | u16  |       | energy/gas/pulses                  | 0.1 m³       |
 *
 * Status bits: 0 running, 1 fault, 2 setup, 3 starved, 4 blocked, 5 power-limited, 6 idle, 7 planned stop.
 */

export type RegisterType = 'u16' | 'i16' | 'u32' | 'f32';

/** Order of the two words of a 32-bit value; bytes within a word are always big-endian (Modbus 4.2). */
export type WordOrder = 'ABCD' | 'CDAB';

interface Register {
  readonly address: number;
  readonly type: RegisterType;
  readonly path: string;
}

export interface ModbusUnit {
  readonly server: 'line' | 'utilities';
  readonly unitId: number;
  readonly wordOrder: WordOrder;
  readonly registers: readonly Register[];
}

const machine = (name: string, counter: RegisterType, processValues: readonly string[]): Register[] => {
  const path = `packaging/line-1/${name}`;
  const step = wordsOf(counter);
  return [
    { address: 0, type: 'u16', path: `${path}/status` },
    { address: 1, type: counter, path: `${path}/count-total` },
    { address: 1 + step, type: counter, path: `${path}/count-good` },
    { address: 1 + 2 * step, type: counter, path: `${path}/count-scrap` },
    ...floats(path, 100, processValues),
  ];
};

const floats = (path: string, address: number, names: readonly string[]): Register[] =>
  names.map((name, index) => ({ address: address + 2 * index, type: 'f32', path: `${path}/${name}` }));

export const wordsOf = (type: RegisterType): 1 | 2 => (type === 'u32' || type === 'f32' ? 2 : 1);

export const registerMap: readonly ModbusUnit[] = [
  { server: 'line', unitId: 1, wordOrder: 'ABCD', registers: machine('filler', 'u32', ['speed', 'temperature']) },
  { server: 'line', unitId: 2, wordOrder: 'ABCD', registers: machine('capper', 'u16', ['speed']) },
  { server: 'line', unitId: 3, wordOrder: 'CDAB', registers: machine('packer', 'u32', ['speed', 'temperature']) },
  {
    server: 'utilities',
    unitId: 10,
    wordOrder: 'CDAB',
    registers: [
      { address: 0, type: 'u32', path: 'energy/main/kwh' },
      ...floats('energy/main', 2, ['power', 'reactive-power']),
      { address: 6, type: 'i16', path: 'energy/main/power-factor' },
      { address: 7, type: 'u32', path: 'energy/main/kvarh' },
    ],
  },
  {
    server: 'utilities',
    unitId: 11,
    wordOrder: 'ABCD',
    registers: floats('utilities/compressor', 0, ['pressure', 'temperature', 'power']),
  },
  {
    server: 'utilities',
    unitId: 12,
    wordOrder: 'ABCD',
    registers: [
      ...floats('utilities/boiler', 0, ['steam-pressure', 'temperature']),
      { address: 10, type: 'u16', path: 'energy/gas/pulses' },
    ],
  },
];

/** A value as the 16-bit words that stand in its registers. */
export function encodeWords(type: RegisterType, wordOrder: WordOrder, value: number): number[] {
  const bytes = Buffer.alloc(4);
  switch (type) {
    case 'u16':
      return [value];
    case 'i16':
      return [value & 0xffff];
    case 'u32':
      bytes.writeUInt32BE(value);
      break;
    case 'f32':
      bytes.writeFloatBE(value);
      break;
  }
  const words = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  return wordOrder === 'ABCD' ? words : words.reverse();
}
