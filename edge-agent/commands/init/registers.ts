/** Registers asked for one after the other: each is read, and the technician picks the decoding that the display shows. */
import { ConnectionError, RejectedError } from '../../../protocols/errors.ts';
import type { Inspection } from '../../../protocols/inspect.ts';
import type { ModbusConnectionConfig } from '../../../protocols/modbus/connection-config.ts';
import { connectionName } from '../../../protocols/modbus/connection-config.ts';
import { tagsCsv } from '../browsed-tags.ts';
import type { InitContext } from './context.ts';

interface RegisterRow {
  readonly path: string;
  readonly table: string;
  readonly address: number;
  readonly format?: string;
  readonly byteOrder?: string;
  readonly length?: number;
  readonly unit: string;
}

/** A person who types more than this wants a list. */
const maxRows = 500;

export async function askRegisters(
  connection: ModbusConnectionConfig,
  unit: number,
  context: InitContext,
): Promise<string> {
  const rows: RegisterRow[] = [];
  do {
    const row = await askRow(connection, unit, context);
    if (row) rows.push(row);
    if (row) context.paths.add(row.path);
  } while (rows.length === 0 || (rows.length < maxRows && (await another(context))));
  return tagsCsv(rows);
}

const another = ({ interview }: InitContext): Promise<boolean> =>
  interview.confirm({ message: 'Another register?', option: '--tags <file.csv>' });

/** undefined where no decoding was right. */
async function askRow(
  connection: ModbusConnectionConfig,
  unit: number,
  context: InitContext,
): Promise<RegisterRow | undefined> {
  const { interview } = context;
  const table = await interview.choose({
    message: 'Which table?',
    option: '--tags <file.csv>',
    choices: [
      { value: 'holding', label: 'Holding registers', hint: '4xxxx' },
      { value: 'input', label: 'Input registers', hint: '3xxxx' },
      { value: 'coil', label: 'Coils', hint: '0xxxx' },
      { value: 'discrete', label: 'Discrete inputs', hint: '1xxxx' },
    ],
  });
  const { placeOf } = await import('../../../protocols/modbus/address.ts');
  const placed = (text: string) => {
    const plain = placeOf({ table, address: Number(text) }, undefined);
    return 'mistake' in plain ? placeOf({ table, address: Number(text) }, 'modicon') : plain;
  };
  const isBits = table === 'coil' || table === 'discrete';
  let inspection: (Inspection & { kind: 'modbus' }) | undefined;
  const count = isBits
    ? 1
    : Number(
        await interview.choose({
          message: 'How many registers does the value take?',
          option: '--tags <file.csv>',
          otherwise: '2',
          choices: [
            { value: '1', label: '1', hint: '16 bits' },
            { value: '2', label: '2', hint: '32 bits: most measured values and counters' },
            { value: '4', label: '4', hint: '64 bits' },
          ],
        }),
      );
  const typed = await interview.text({
    message: 'Address (from 0 as on the wire, or as 40001 in older manuals)',
    option: '--tags <file.csv>',
    async check(text) {
      if (!/^\d{1,6}$/.test(text)) return 'It must be a whole number.';
      const place = placed(text);
      if ('mistake' in place) return place.mistake;
      const read = await readOnce(connection, unit, table, place.address, count, context);
      if (typeof read === 'string') return read;
      inspection = read;
      return undefined;
    },
  });
  const { address } = placed(typed) as { address: number };
  const decoding = isBits ? {} : await askDecoding(inspection!.words, context);
  if (!decoding) return undefined;
  const path = await interview.text({
    message: 'Path of the tag (line-1/filler/temperature)',
    option: '--tags <file.csv>',
    check: (text) => (context.paths.has(text) ? 'There is such a tag already.' : pathMistake(text)),
  });
  const engineeringUnit = await interview.text({
    message: 'Unit (°C, kWh, pcs; - for none)',
    option: '--tags <file.csv>',
    otherwise: '-',
    check: (text) => (text.length <= 20 ? undefined : 'At most 20 letters.'),
  });
  return { path, table, address, ...decoding, unit: engineeringUnit === '-' ? '' : engineeringUnit };
}

export const pathMistake = (text: string): string | undefined =>
  /^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/.test(text) && text.length <= 200
    ? undefined
    : 'It must be words of small letters a to z, digits and -, joined by /.';

async function readOnce(
  connection: ModbusConnectionConfig,
  unit: number,
  table: 'holding' | 'input' | 'coil' | 'discrete',
  address: number,
  count: number,
  { terminal, signal }: InitContext,
): Promise<(Inspection & { kind: 'modbus' }) | string> {
  using _progress = terminal.progress(`reading from ${connectionName(connection)}`);
  const { inspectRegisters } = await import('../../../protocols/modbus/explore.ts');
  try {
    const inspection = await inspectRegisters(connection, { kind: 'modbus', unit, table, address, count }, signal);
    if (inspection.exception === undefined) return inspection;
    return `The device refuses this address (exception ${inspection.exception}). Look it up in its manual: some count from 1.`;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ConnectionError || error instanceof RejectedError)
      return `It could not be read: ${error.message}.`;
    throw error;
  }
}

/** The right one is plain beside the display of a meter, or a number that somebody knows. */
async function askDecoding(
  words: readonly number[],
  { interview }: InitContext,
): Promise<{ format: string; byteOrder: string; length?: number } | undefined> {
  const { decodingsOf } = await import('../../../protocols/modbus/decodings.ts');
  const decodings = decodingsOf(words);
  const hex = words.map((word) => word.toString(16).padStart(4, '0')).join(' ');
  const chosen = await interview.choose({
    message: `The registers hold ${hex}. Which of these does the device show?`,
    option: '--tags <file.csv>',
    choices: [
      ...decodings.map(({ format, byteOrder, text, plausible }, index) => ({
        value: String(index),
        label: `${text}  (${format} ${byteOrder})`,
        hint: plausible ? undefined : 'unlikely',
      })),
      { value: 'none', label: 'None of them' },
    ],
  });
  const decoding = decodings[Number(chosen)];
  if (!decoding) return undefined;
  const { format, byteOrder } = decoding;
  return format === 'string' ? { format, byteOrder, length: words.length } : { format, byteOrder };
}
