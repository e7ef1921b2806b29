/**
 * What commands print with: results on stdout, everything about getting them on stderr. Colours and moving lines only
 * where a person watches: on a terminal, and without NO_COLOR.
 */
import { styleText } from 'node:util';
import { type Cell, type Column, tableLines } from './table.ts';

export interface TerminalStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Progress extends Disposable {
  /** Replaces what stands there. */
  update(text: string): void;
}

export interface Terminal {
  readonly isInteractive: boolean;
  style(colour: Colour, text: string): string;
  print(line?: string): void;
  printJson(value: unknown): void;
  printTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void;
  /** About the work, not its result. */
  note(line: string): void;
  warn(line: string): void;
  /** What is being waited for; its line is gone when it is disposed. Without a terminal nothing is shown. */
  progress(text: string): Progress;
}

const frames = ['|', '/', '-', '\\'];
const frameMs = 120;

export function createTerminal(stdout: TerminalStream, stderr: TerminalStream, stdin: { isTTY?: boolean }): Terminal {
  const style = (stream: TerminalStream, colour: Colour, text: string) => styleText(colour, text, { stream });
  const print = (line = '') => void stdout.write(`${line}\n`);
  return {
    isInteractive: Boolean(stdin.isTTY && stdout.isTTY),
    style: (colour, text) => style(stdout, colour, text),
    print,
    printJson: (value) => print(JSON.stringify(value, exactIntegers, 2)),
    printTable(columns, rows) {
      const [header, ...lines] = tableLines(columns, rows);
      print(style(stdout, 'bold', header!));
      for (const line of lines) print(line);
    },
    note: (line) => void stderr.write(`${line}\n`),
    warn: (line) => void stderr.write(`${style(stderr, 'yellow', 'warning:')} ${line}\n`),
    progress(text) {
      if (!stderr.isTTY) return { update() {}, [Symbol.dispose]() {} };
      let shown = text;
      let frame = 0;
      const draw = () => {
        const line = `${frames[frame++ % frames.length]} ${shown}`.slice(0, (stderr.columns || 80) - 1);
        stderr.write(`\r\x1b[2K${line}`);
      };
      draw();
      const timer = setInterval(draw, frameMs);
      timer.unref();
      return {
        update(next) {
          shown = next;
        },
        [Symbol.dispose]() {
          clearInterval(timer);
          stderr.write('\r\x1b[2K');
        },
      };
    },
  };
}

/** Integers that no double holds are strings of digits, as everywhere in the agent's own API. */
const exactIntegers = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
