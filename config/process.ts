/** What every process of Payesh does alike at its edges: signals, exit codes, and how a mistake is told to an operator. */
import { ConfigError } from '../protocols/errors.ts';

/** sysexits.h EX_CONFIG: the operator must change something; restarting does not help. */
const exitConfig = 78;

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

/** Runs a command's work; a ConfigError becomes three plain lines and exit code 78, anything else a stack and 1. */
export async function exitWith(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`error: ${error.message}\n   at: ${error.path}\n hint: ${error.hint}\n`);
      process.exitCode = exitConfig;
    } else {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
    }
  }
}
