/**
 * What an agent opens at its start. A machine may refuse what it gives a moment later: a disk that is full or fails, no
 * more open files, a file that the process before this one still holds. That is told and waited for, longer and longer;
 * ending would only make a service manager start the agent again. What a person must change ends it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../protocols/errors.ts';
import { isDiskFull, isDiskTrouble } from './buffer/buffer.ts';

export interface OpeningOptions {
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Ends the waiting: what cannot be opened then throws. */
  readonly stop: AbortSignal;
  /** Who holds a file longer is not a process that is ending. */
  readonly patienceMs?: number;
}

const firstRetryMs = 250;
const longestRetryMs = 8000;

/** @throws {ConfigError} what waiting does not mend. */
export async function onceTheMachineAllows<T>(
  open: () => T | Promise<T>,
  { log, stop, patienceMs = 10_000 }: OpeningOptions,
): Promise<T> {
  const heldUntil = performance.now() + patienceMs;
  let told: string | undefined;
  for (let failures = 0; ; failures++) {
    try {
      const opened = await open();
      if (failures > 0) log.info({ failures }, 'the machine allows it again: the agent starts');
      return opened;
    } catch (error) {
      const { message } = error as Error;
      if (stop.aborted || !mayPass(error, performance.now() < heldUntil)) throw error;
      if (message !== told) {
        const fields = { err: error, alarm: 'CANNOT_START' };
        log.error(fields, 'the machine does not allow the agent to start yet; it measures nothing until it does');
      }
      told = message;
      const longest = Math.min(longestRetryMs, firstRetryMs * 2 ** failures);
      await delay(longest / 2 + Math.random() * (longest / 2), undefined, { signal: stop }).catch(() => {});
    }
  }
}

function mayPass(error: unknown, isPatient: boolean): boolean {
  const { code = '', cause } = error as { code?: string; cause?: { code?: string } };
  const reason = cause?.code ?? code;
  // A full disk gets room, and a process that is ending lets go; a wrong folder stays one.
  if (error instanceof ConfigError)
    return isDiskFull({ code: reason }) || (isPatient && reason.startsWith('SQLITE_BUSY'));
  return isDiskTrouble({ code: reason }) || reason === 'ERR_WORKER_INIT_FAILED';
}
