/** What every process of Payesh does alike at its edges: signals, exit codes, and how a mistake is told to an operator. */
import { ConfigError, ConnectionError, RejectedError } from '../protocols/errors.ts';

/** As in sysexits.h, where it has a word for it. */
export const exitCodes = {
  /** What was asked for was found, and it is not well. */
  problems: 1,
  /** EX_USAGE: the command line is wrong. */
  usage: 64,
  /** EX_DATAERR: the other side answers, and refuses. */
  refused: 65,
  /** EX_UNAVAILABLE: the other side is away. */
  unavailable: 69,
  /** EX_CONFIG: the operator must change something; restarting does not help. */
  config: 78,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const;

/** What a command cannot do, for the person who gave it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly path: string;
  readonly hint: string;
  readonly exitCode: number;
  constructor(message: string, options: { path: string; hint: string; exitCode: number; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.path = options.path;
    this.hint = options.hint;
    this.exitCode = options.exitCode;
  }
}

/** A person pressed Ctrl-C. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** SIGTERM and SIGINT stop at leisure; a second one kills. */
export function stopSignals(): { stop: AbortSignal; kill: AbortSignal } {
  const stop = new AbortController();
  const kill = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) kill.abort();
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return { stop: stop.signal, kill: kill.signal };
}

/** Runs a command's work; what a person can mend becomes three plain lines and an exit code, anything else a stack and 1. */
export async function exitWith(work: () => Promise<void>): Promise<void> {
  // Where nothing can be told, on a full disk, the exit code still says what it was.
  process.stderr.on('error', () => {});
  try {
    await work();
  } catch (error) {
    if (error instanceof InterruptedError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = exitCodes.interrupted;
      return;
    }
    const told = toTell(error);
    if (told) {
      for (const each of [told, ...(error instanceof ConfigError ? error.others : [])]) {
        process.stderr.write(`error: ${each.message}\n   at: ${each.path}\n hint: ${each.hint}\n`);
      }
      process.exitCode = told.exitCode;
    } else {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}

function toTell(error: unknown): { message: string; path: string; hint: string; exitCode: number } | undefined {
  if (error instanceof CommandError) return error;
  if (error instanceof ConfigError) {
    return { message: error.message, path: error.path, hint: error.hint, exitCode: exitCodes.config };
  }
  if (error instanceof ConnectionError) {
    const hint = 'Check that the other side is switched on, its address, the cable and the firewall.';
    return { message: error.message, path: causeOf(error), hint, exitCode: exitCodes.unavailable };
  }
  if (error instanceof RejectedError) {
    const hint = 'It will not be accepted however often it is tried: change what is asked for.';
    return { message: error.message, path: causeOf(error), hint, exitCode: exitCodes.refused };
  }
  return undefined;
}

const causeOf = ({ cause }: Error): string => (cause instanceof Error ? cause.message : 'the connection');
