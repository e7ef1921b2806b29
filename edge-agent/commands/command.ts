/** What every command of a technician does alike: a terminal to print to, Ctrl-C, and errors that name the target. */
import { CommandError, exitCodes, exitWith, InterruptedError } from '../../config/process.ts';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import { createInterview, type Interview } from '../terminal/interview.ts';
import { createTerminal, type Terminal } from '../terminal/terminal.ts';

/** Ctrl-C aborts the signal, so that connections are closed in order; a second one ends the process at once. */
export const runTool = (work: (terminal: Terminal, signal: AbortSignal) => Promise<void>): Promise<void> =>
  exitWith(async () => {
    const interrupt = new AbortController();
    const onInterrupt = () => {
      if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
      interrupt.abort(new InterruptedError('stopped'));
    };
    process.on('SIGINT', onInterrupt);
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // A reader that closes early, such as `head`, ends the command quietly.
      if (error.code === 'EPIPE') process.exit(0);
      process.stderr.write(`error: not all of the answer could be written: ${error.message}\n`);
      process.exit(exitCodes.problems);
    });
    try {
      await work(createTerminal(process.stdout, process.stderr, process.stdin), interrupt.signal);
      interrupt.signal.throwIfAborted();
    } catch (error) {
      throw interrupt.signal.aborted ? interrupt.signal.reason : error;
    } finally {
      process.off('SIGINT', onInterrupt);
    }
  });

export const usageError = (message: string, hint: string): CommandError =>
  new CommandError(message, { path: 'the command line', hint, exitCode: exitCodes.usage });

/** What the system said, where our own words leave it out. */
function withReason({ message, cause }: Error): string {
  const reason = cause instanceof Error ? cause.message.split('\n')[0]!.replace(/^Error: /, '') : '';
  return reason === '' || message.includes(reason) ? message : `${message}: ${reason}`;
}

/** Errors of the other side say which one it is and what to try. */
export async function reaching<T>(target: string, hint: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ConnectionError) {
      throw new CommandError(withReason(cause), { path: target, hint, exitCode: exitCodes.unavailable, cause });
    }
    if (cause instanceof RejectedError) {
      const answers =
        'It is there and answers, but what was asked for is not. "payesh-agent browse" shows what an OPC UA server has.';
      throw new CommandError(cause.message, { path: target, hint: answers, exitCode: exitCodes.refused, cause });
    }
    throw cause;
  }
}

/** Questions where somebody sits at a terminal and did not ask for silence. `lost` is what a Ctrl-C leaves undone. */
export const interviewOn = (terminal: Terminal, signal: AbortSignal, asks: boolean, lost: string): Interview =>
  createInterview({
    terminal,
    asks: asks && terminal.isInteractive,
    refuse: (message, hint, away) =>
      new CommandError(message, {
        path: away ? 'the other side' : 'the command line',
        hint,
        exitCode: away ? exitCodes.unavailable : exitCodes.usage,
      }),
    interrupted: () => new InterruptedError(`stopped: ${lost}`),
    signal,
  });
