/**
 * A check finds out one thing and says what to do where it is not well. Checks run side by side, each within its own
 * time, and are told in their order, so that two runs read alike.
 */

export interface Finding {
  /** `note`: nothing is wrong, but it could not be found out or is worth knowing. */
  readonly level: 'good' | 'note' | 'warning' | 'bad';
  /** One sentence without a full stop. */
  readonly text: string;
  /** What to do, step by step. */
  readonly todo?: readonly string[];
}

export interface Check {
  readonly name: string;
  readonly timeoutMs: number;
  /** @throws what the check did not foresee; it is told as a finding. */
  run(signal: AbortSignal): Promise<readonly Finding[]>;
}

export interface CheckResult {
  readonly name: string;
  readonly findings: readonly Finding[];
}

export const good = (text: string): Finding => ({ level: 'good', text });
export const note = (text: string, ...todo: string[]): Finding => ({ level: 'note', text, todo });
export const warning = (text: string, ...todo: string[]): Finding => ({ level: 'warning', text, todo });
export const bad = (text: string, ...todo: string[]): Finding => ({ level: 'bad', text, todo });

export const needsPerson = ({ level }: Finding): boolean => level === 'warning' || level === 'bad';

/** All started at once, told in order. @throws the signal's reason when it aborts. */
export async function* runChecks(checks: readonly Check[], signal: AbortSignal): AsyncGenerator<CheckResult> {
  const running = checks.map((check) => runCheck(check, signal));
  for (const result of running) {
    const told = await result;
    signal.throwIfAborted();
    yield told;
  }
}

async function runCheck({ name, timeoutMs, run }: Check, signal: AbortSignal): Promise<CheckResult> {
  const limit = new AbortController();
  // A real timer: AbortSignal.timeout would let the process end while only it is waited for.
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  const ended = AbortSignal.any([signal, limit.signal]);
  try {
    return { name, findings: await Promise.race([run(ended), untilAborted(ended)]) };
  } catch (error) {
    if (limit.signal.aborted) return { name, findings: [bad(`not finished within ${timeoutMs / 1000} s`)] };
    return { name, findings: [bad(reasonOf(error))] };
  } finally {
    clearTimeout(timer);
  }
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

/** An error and what caused it, in one line: the last cause is often the one that says why. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error && parts.length < 4; at = at.cause) {
    const text = at.message || (at as NodeJS.ErrnoException).code || at.name;
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(': ') || String(error);
}
