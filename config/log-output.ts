/**
 * Where a log goes: standard output, as long as it takes something. A full disk or a reader that has stopped reading must
 * not hold up or end a process that has data to save (F39): what cannot be written is dropped, counted, and told later.
 */
import { accessSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

export interface LogOutput {
  /** One line of JSON with its line feed. Never throws and never waits. */
  write(line: string): void;
}

/** What may wait for a journal that reads slowly. */
const maxWaitingBytes = 1024 * 1024;

export function openLogOutput(stdout = 1): LogOutput {
  const take = taker(stdout);
  let rest: Buffer | undefined;
  let dropped = 0;
  /** False when nothing of it was taken. */
  const attempt = (bytes: Buffer): boolean => {
    try {
      const written = take(bytes);
      if (written === 0) return false;
      // Half a line is followed by its other half, whatever comes between.
      rest = written < bytes.length ? bytes.subarray(written) : undefined;
      return true;
    } catch {
      return false;
    }
  };
  return {
    write(line) {
      while (rest && attempt(rest));
      if (!rest && dropped > 0 && attempt(Buffer.from(told(dropped)))) dropped = 0;
      if (rest || dropped > 0 || !attempt(Buffer.from(line))) dropped += 1;
    },
  };
}

const told = (dropped: number): string =>
  `${JSON.stringify({ level: 40, time: Date.now(), dropped, msg: 'lines of the log could not be written' })}\n`;

/** Takes as many bytes as it can at once; throws or takes none when it cannot. */
function taker(stdout: number): (bytes: Buffer) => number {
  const kind = fstatSync(stdout);
  const path = `/proc/self/fd/${stdout}`;
  const isPipe = kind.isFIFO();
  if (kind.isSocket() || (isPipe && !mayOpen(path))) {
    // The journal's; or a pipe that belongs to another user, as behind sudo.
    const socket = new Socket({ fd: stdout, readable: false, writable: true });
    socket.on('error', () => {});
    socket.unref();
    return (bytes) => {
      if (socket.destroyed || socket.writableLength > maxWaitingBytes) return 0;
      socket.write(bytes);
      return bytes.length;
    };
  }
  // A pipe of our own that does not wait; the other end may share the given one with others who do.
  const to = isPipe ? openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) : stdout;
  return (bytes) => writeSync(to, bytes);
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
