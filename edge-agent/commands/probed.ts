/** What a probe found, for a person: the raw words, and all that they may mean. */
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import type { Decoding } from '../../protocols/modbus/decodings.ts';
import { plain } from '../terminal/plain.ts';
import type { Terminal } from '../terminal/terminal.ts';

export interface Probed {
  readonly tag?: string;
  /** How the configuration reads the tag. */
  readonly address?: string;
  readonly target: string;
  /** Read by the agent that runs, over its own session. */
  readonly overAgent: boolean;
  readonly request: InspectRequest;
  readonly inspection: Inspection;
  /** The device answered without a value. */
  readonly refused: boolean;
  readonly decodings?: readonly Decoding[] | undefined;
}

export async function printProbed(probed: Probed, terminal: Terminal): Promise<void> {
  const { tag, address, target, overAgent, request, inspection, decodings } = probed;
  const line = (title: string, text: string) => terminal.print(`${title.padEnd(12)}${plain(text)}`);
  if (tag !== undefined) line('tag', `${tag} (${address})`);
  line('from', `${target}${overAgent ? ', over the session of the running agent' : ''}`);
  if (inspection.kind === 'opcua') await printNode(inspection, line);
  else if (request.kind === 'modbus') printRegisters(request, inspection, decodings, line, terminal);
}

type Line = (title: string, text: string) => void;

async function printNode(inspection: Inspection & { kind: 'opcua' }, line: Line): Promise<void> {
  const { nameOf } = await import('../../protocols/opcua/status.ts');
  const { dataType, text, status, sourceTime, serverTime, readAt } = inspection;
  line('value', text === '' ? '(none)' : text);
  line('type', dataType);
  line('status', nameOf(status));
  line('source time', timeAndSkew(sourceTime, readAt));
  line('server time', timeAndSkew(serverTime, readAt));
}

function timeAndSkew(time: number | undefined, readAt: number): string {
  if (time === undefined) return 'none';
  const skewS = (time - readAt) / 1_000_000;
  const compared =
    Math.abs(skewS) < 0.001 ? 'now' : `${Math.abs(skewS).toFixed(3)} s ${skewS < 0 ? 'before' : 'after'} now`;
  return `${new Date(time / 1000).toISOString()} (${compared})`;
}

function printRegisters(
  { unit, table, address, count }: InspectRequest & { kind: 'modbus' },
  { words, exception, sentAt, answeredAt }: Inspection & { kind: 'modbus' },
  decodings: readonly Decoding[] | undefined,
  line: Line,
  terminal: Terminal,
): void {
  line(
    'asked',
    `unit ${unit}, ${table} ${address} (as on the wire), ${count} ${table === 'coil' || table === 'discrete' ? 'bits' : 'registers'}`,
  );
  line('answered', `after ${((answeredAt - sentAt) / 1000).toFixed(1)} ms`);
  if (exception !== undefined) {
    line('refused', `exception ${exception}: ${exceptions[exception] ?? 'not in the standard'}`);
    return;
  }
  if (!decodings) {
    line('bits', words.join(' '));
    return;
  }
  line('words', words.map((word) => word.toString(16).padStart(4, '0').toUpperCase()).join(' '));
  terminal.print();
  const rows = decodings
    .toSorted((a, b) => Number(b.plausible) - Number(a.plausible))
    .map(({ format, byteOrder = '', text, plausible }) => {
      const cells = [format, byteOrder, text];
      return plausible ? cells : cells.map((cell) => terminal.style('dim', cell));
    });
  terminal.printTable([{ title: 'FORMAT' }, { title: 'BYTE ORDER' }, { title: 'VALUE' }], rows);
}

/** Modbus 7. */
const exceptions: Readonly<Record<number, string>> = {
  1: 'this table cannot be read here; try another --table',
  2: 'no such address; one of the addresses asked for does not exist',
  3: 'the device does not give so many at once; ask for fewer',
  4: 'the device failed while reading',
  6: 'the device is busy; try again',
  10: 'the gateway has no path to this unit',
  11: 'the unit behind the gateway does not answer; check --unit',
};
