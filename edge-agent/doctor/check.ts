/**
 * A check finds out one thing and says what to do where it is not well. Checks run side by side, each within its own
 * time, and are told in their order, so that two runs read alike.
 */
import type { DoctorWords, Told } from './words-en.ts';

/** `note`: nothing is wrong, but it could not be found out or is worth knowing. */
type Level = 'good' | 'note' | 'warning' | 'bad';

export interface Finding {
  readonly level: Level;
  readonly told: (say: DoctorWords) => Told;
}

export interface Check {
  readonly name: (say: DoctorWords) => string;
  readonly timeoutMs: number;
  /** @throws what the check did not foresee; it is told as a finding. */
  run(signal: AbortSignal): Promise<readonly Finding[]>;
}

export interface ToldFinding extends Told {
  readonly level: Level;
}

export interface CheckResult {
  readonly name: string;
  readonly findings: readonly ToldFinding[];
}

type Words = Finding['told'];
export const good = (told: Words): Finding => ({ level: 'good', told });
export const note = (told: Words): Finding => ({ level: 'note', told });
export const warning = (told: Words): Finding => ({ level: 'warning', told });
export const bad = (told: Words): Finding => ({ level: 'bad', told });

export const inWords = ({ level, told }: Finding, say: DoctorWords): ToldFinding => ({ level, ...told(say) });

export const needsPerson = ({ level }: Pick<Finding, 'level'>): boolean => level === 'warning' || level === 'bad';

/** All started at once, told in order. @throws the signal's reason when it aborts. */
export async function* runChecks(
  checks: readonly Check[],
  say: DoctorWords,
  signal: AbortSignal,
): AsyncGenerator<CheckResult> {
  const running = checks.map(async (check) => {
    const findings = await runCheck(check, signal);
    return { name: check.name(say), findings: findings.map((finding) => inWords(finding, say)) };
  });
  for (const result of running) {
    const told = await result;
    signal.throwIfAborted();
    yield told;
  }
}

async function runCheck({ timeoutMs, run }: Check, signal: AbortSignal): Promise<readonly Finding[]> {
  const limit = new AbortController();
  // A real timer: AbortSignal.timeout would let the process end while only it is waited for.
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  const ended = AbortSignal.any([signal, limit.signal]);
  try {
    return await Promise.race([run(ended), untilAborted(ended)]);
  } catch (error) {
    if (limit.signal.aborted) return [bad((say) => say.notFinished(timeoutMs / 1000))];
    return [bad((say) => say.unforeseen(reasonOf(error)))];
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
