/** The interview about Modbus devices on one connection: each unit is asked before its tags are. */
import { relative, resolve } from 'node:path';
import { connectionName, type ModbusConnectionConfig } from '../../../protocols/modbus/connection-config.ts';
import type { Mistake } from '../../terminal/interview.ts';
import { reaching, usageError } from '../command.ts';
import { modbusTarget } from '../modbus-target.ts';
import { charsetNote } from '../read-list.ts';
import { type InitContext, type NewFile, type SourceDraft, yamlText } from './context.ts';
import { connectionLines } from './modbus-lines.ts';
import { unreachable } from './reachable.ts';
import { askRegisters } from './registers.ts';
import type { GoodList } from './wiring-list.ts';

type ModbusTransport = ModbusConnectionConfig['transport'];

const maxUnits = 247;
const timeoutMs = 3000;
const orders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;

export async function askModbusSource(transport: ModbusTransport, context: InitContext): Promise<SourceDraft> {
  const { options, interview } = context;
  const connection = await askConnection(transport, context);
  const id = await context.sourceId('modbus');
  const devices: string[] = [];
  const files: NewFile[] = [];
  const before = context.paths.size;
  for (let n = 0; n < maxUnits; n++) {
    const device = await askDevice(connection, `${id}-${n + 1}.csv`, n, context);
    devices.push(...device.yaml);
    if (device.file) files.push(device.file);
    const another = await interview.confirm({
      message: 'Another unit on the same connection?',
      option: '--unit <id> --tags <file>',
      given: interview.asks && options.unit.length === 0 ? undefined : n + 1 < options.unit.length,
      otherwise: false,
    });
    if (!another) break;
  }
  return {
    files,
    summary: `${connectionName(connection)}: ${context.paths.size - before} tags`,
    yaml: [
      `id: ${id}`,
      'kind: modbus',
      ...connectionLines(connection),
      'devices:',
      ...devices.map((line) => `  ${line}`),
    ],
  };
}

async function askConnection(transport: ModbusTransport, { options, interview, terminal, signal }: InitContext) {
  const proposals = {
    tcp: 'tcp://',
    udp: 'udp://',
    'rtu-over-tcp': 'rtu-over-tcp://',
    rtu: 'rtu:///dev/ttyUSB0?9600,8e1',
  };
  const examples = {
    tcp: '192.168.10.20, or host:502',
    udp: '192.168.10.20, or host:502',
    'rtu-over-tcp': '192.168.10.20:4001, of the converter',
    rtu: '/dev/ttyUSB0?9600,8n1: device, baud rate, bits and parity',
  };
  const text = await interview.text({
    message: `Address (${examples[transport]})`,
    option: '--modbus <address>',
    given: options.modbus,
    otherwise: transport === 'rtu' ? proposals.rtu : undefined,
    async check(typed) {
      try {
        const { host, port } = await modbusTarget(withScheme(typed, transport), timeoutMs);
        // Serial lines and UDP have nothing that could be connected to: asking a unit will show.
        if (host === undefined || transport === 'udp') return undefined;
        using _progress = terminal.progress(`connecting to ${host}:${port}`);
        return await unreachable(host, port, signal);
      } catch (error) {
        signal.throwIfAborted();
        return (error as Error).message;
      }
    },
  });
  return await modbusTarget(withScheme(text, transport));
}

const withScheme = (text: string, transport: ModbusTransport): string =>
  /^[a-z-]+:\/\//.test(text) ? text : `${transport}://${text}`;

interface DeviceDraft {
  readonly yaml: readonly string[];
  readonly file?: NewFile;
}

async function askDevice(
  connection: ModbusConnectionConfig,
  newFile: string,
  n: number,
  context: InitContext,
): Promise<DeviceDraft> {
  const { options, interview, folder } = context;
  const unit = Number(
    await interview.text({
      message: 'Unit id (slave address; 1 where nobody knows, 255 for a device with an IP address of its own)',
      option: '--unit <id>',
      given: options.unit[n]?.toString(),
      otherwise: options.modbus !== undefined && n === 0 ? '1' : undefined,
      check: (text) => checkUnit(text, connection, context),
    }),
  );
  const tagsOption = options.tags[n];
  const how = await interview.choose({
    message: `What is to be read of unit ${unit}?`,
    option: '--tags <file.csv>',
    given: tagsOption === undefined ? undefined : 'list',
    choices: [
      { value: 'list', label: 'A wiring list (CSV)' },
      { value: 'registers', label: 'Registers, one after the other', hint: 'each is read and shown in every decoding' },
    ],
  });
  if (how === 'registers') {
    const csv = await askRegisters(connection, unit, context);
    return { yaml: deviceLines(unit, undefined, newFile), file: { name: newFile, text: csv } };
  }
  let found: GoodList | undefined;
  const list = await interview.text({
    message: 'The wiring list (columns path, table, address, format, unit, …)',
    option: '--tags <file.csv>',
    given: tagsOption,
    check: async (file) => {
      const { tryList } = await import('./wiring-list.ts');
      const tried = tryList(file, connection, unit, context.paths);
      if ('mistake' in tried) return tried.mistake;
      found = tried;
      return undefined;
    },
  });
  const { isModicon, converted } = found!;
  if (isModicon) interview.tell('  its addresses are as in older manuals (40001 is the first holding register)');
  if (converted) interview.tell(`  ${charsetNote(list, converted.charset)} ${newFile} has it in UTF-8.`);
  const byteOrder = await interview.choose({
    message: 'In which order come the bytes of 32-bit values? ("payesh-agent probe" shows which is right)',
    option: '--byte-order <order>',
    given: orders.find((order) => order === (options.byteOrder[n] ?? options.byteOrder[0])),
    otherwise: 'ABCD',
    choices: orders.map((value) => ({ value, label: value })),
  });
  const addressing = isModicon ? 'modicon' : undefined;
  if (!converted) return { yaml: deviceLines(unit, byteOrder, relative(folder, resolve(list)), addressing) };
  return {
    yaml: deviceLines(unit, byteOrder, newFile, addressing),
    file: { name: newFile, text: converted.text },
  };
}

const deviceLines = (unit: number, byteOrder: string | undefined, tagsFile: string, addressing?: string): string[] => [
  `- unit: ${unit}`,
  ...(byteOrder === undefined ? [] : [`  byteOrder: ${byteOrder}`]),
  ...(addressing === undefined ? [] : [`  addressing: ${addressing}`]),
  '  intervalMs: 1000',
  `  tagsFile: ${yamlText(tagsFile)}`,
];

async function checkUnit(
  text: string,
  connection: ModbusConnectionConfig,
  { interview, terminal, signal }: InitContext,
): Promise<Mistake | undefined> {
  const unit = Number(text);
  if (!(/^\d+$/.test(text) && ((unit >= 1 && unit <= 247) || unit === 255))) return 'It must be 1 to 247, or 255.';
  const target = connectionName(connection);
  using progress = terminal.progress(`asking unit ${unit} of ${target}`);
  const { scanUnits } = await import('../../../protocols/modbus/explore.ts');
  const hint = 'Check that the cable is right and nobody else uses this line; some devices allow one connection only.';
  return await reaching(target, hint, async () => {
    for await (const { answer, exception, ms } of scanUnits({ ...connection, timeoutMs }, [unit], signal)) {
      if (answer === 'silence') {
        return {
          away: `Unit ${unit} does not answer within ${timeoutMs / 1000} s. Check the id at the device; on a serial line also baud rate and parity, and that A and B are not swapped.`,
        };
      }
      if (exception === 10 || exception === 11)
        return { away: `The gateway finds no unit ${unit} (exception ${exception}). Check the id at the device.` };
      progress[Symbol.dispose]();
      interview.tell(`  unit ${unit} answers after ${ms.toFixed(0)} ms`);
      return undefined;
    }
    throw usageError(`unit ${unit} was not asked`, 'Try again.');
  });
}
