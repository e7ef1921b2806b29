/** What is said to who asks for more than one answer can hold: ask for less, or make it an export. */

import type { Words } from '../../words.ts';
import type { Window } from '../asked/times.ts';
import { invalid } from '../door/problem.ts';

export const tooMuch = (what: string, whatFa = what): Words => ({
  en: `${what}; ask for a shorter range or fewer assets, or make it an export: POST /api/v1/exports`,
  fa: `${whatFa}؛ بازهٔ کوتاه‌تر یا دارایی‌های کمتری بخواهید، یا آن را خروجی کنید: POST /api/v1/exports`,
});

const mostSamples = 5_000_000;
/** For figures of a window that is no bucket. */
const mostOfWindow = 20_000_000;

/** @throws {ProblemError} about so many samples would have to be read. */
export function refuseSamples(tags: readonly { readonly intervalMs: number }[], window: Window): void {
  const millions = millionsOf(tags, window, mostSamples);
  if (millions === undefined) return;
  throw invalid(
    'from',
    tooMuch(`that is some ${millions} million samples to read`, `حدود ${millions} میلیون نمونه خوانده می‌شود`),
  );
}

/** @throws {ProblemError} the same of a window, where whole buckets would do. */
export function refuseWindow(tags: readonly { readonly intervalMs: number }[], window: Window): void {
  const millions = millionsOf(tags, window, mostOfWindow);
  if (millions === undefined) return;
  throw invalid('granularity', {
    en: `a window of its own takes some ${millions} million samples to read; ask for whole buckets, as in granularity=day, or for a shorter range or fewer assets`,
    fa: `برای بازهٔ دلخواه حدود ${millions} میلیون نمونه خوانده می‌شود؛ بازه‌های کامل بخواهید، مانند granularity=day، یا بازهٔ کوتاه‌تر یا دارایی‌های کمتر`,
  });
}

function millionsOf(
  tags: readonly { readonly intervalMs: number }[],
  { from, to }: Window,
  most: number,
): number | undefined {
  const samples = tags.reduce((sum, { intervalMs }) => sum + (to - from) / 1000 / Math.max(1, intervalMs), 0);
  return samples > most ? Math.ceil(samples / 1e6) : undefined;
}

/** @throws {ProblemError} the answer would have more rows than it may. */
export function refuseRows(rows: number, most: number): void {
  if (rows <= most) return;
  throw invalid('from', tooMuch(`that is more than ${most} rows`, `بیش از ${most} سطر می‌شود`));
}
