/**
 * Notices a clock that cannot be right: one that leaps against the monotonic clock while the hub runs, or that at its
 * start is far from when the hub last settled something. It is told, not mended: nothing that the hub keeps depends on it
 * (retention believes no clock), but figures, shifts and tokens do.
 */
import type { Clock } from '../protocols/clock.ts';
import type { TimeUs } from '../protocols/sample.ts';
import type { Ledger } from './ledger/ledger.ts';

export interface ClockWatch {
  /** Compares the clocks now and then until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Compares them now. */
  look(): void;
  /** ms by which the clock has moved since the start more than time has passed. */
  readonly astrayMs: number;
  /** What is wrong or was within the last day, with what to do. */
  warnings(): readonly string[];
}

export interface ClockWatchOptions {
  readonly clock: Pick<Clock, 'now' | 'speed' | 'sleep'>;
  /** When the hub settled something last, before it was started; undefined when it never did. */
  readonly lastSettled: TimeUs | undefined;
  /** ms */
  readonly monotonic?: () => number;
  readonly log: { error(fields: object, message: string): void };
}

/** By the newest of its streams. */
export function lastSettledIn(ledger: Pick<Ledger, 'streams'>): TimeUs | undefined {
  const times = ledger.streams().flatMap(({ settledAt }) => settledAt ?? []);
  return times.length > 0 ? times.reduce((a, b) => Math.max(a, b)) : undefined;
}

const everyMs = 10_000;
/** NTP moves a clock by less, or slowly. */
const toleratedMs = 60_000;
const dayMs = 86_400_000;
/** A hub that was switched off for longer is asked about. */
const longestPauseMs = 30 * dayMs;

export function createClockWatch(options: ClockWatchOptions): ClockWatch {
  const { clock, lastSettled, monotonic = () => performance.now(), log } = options;
  const wallMs = () => clock.now() / 1000;
  const passedMs = () => monotonic() * clock.speed;
  const begun = { wall: wallMs(), passed: passedMs() };
  let offset = begun.wall - begun.passed;
  let leap: { readonly at: number; readonly text: string } | undefined;
  // A simulated time begins wherever it likes.
  const isReal = clock.speed === 1 && lastSettled !== undefined;
  const atStart = isReal ? doubt(begun.wall - lastSettled / 1000) : undefined;
  if (atStart) log.error({ alarm: 'CLOCK_DOUBTFUL' }, atStart);

  const look = () => {
    const now = wallMs() - passedMs();
    const by = now - offset;
    offset = now;
    if (Math.abs(by) < toleratedMs) return;
    leap = { at: passedMs(), text: `the clock leapt by ${said(by)}, to ${new Date(wallMs()).toISOString()}` };
    log.error({ byMs: Math.round(by), alarm: 'CLOCK_LEAPT' }, leap.text);
  };
  const astray = () => Math.round(offset - (begun.wall - begun.passed));

  return {
    look,
    get astrayMs() {
      return astray();
    },
    warnings() {
      const isRecent = (at: number) => passedMs() - at < dayMs;
      const found: string[] = [];
      if (atStart && isRecent(begun.passed)) found.push(atStart);
      if (Math.abs(astray()) >= toleratedMs) found.push(`${leap!.text}, and is there still: ${whatToDo}`);
      else if (leap && isRecent(leap.at)) found.push(`${leap.text}, where it had been before: ${whatToDo}`);
      return found;
    },
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(everyMs * clock.speed, signal).catch(() => {});
        look();
      }
    },
  };
}

const whatToDo = 'see to NTP and to the battery of the clock';

function doubt(aheadMs: number): string | undefined {
  if (aheadMs < -toleratedMs) return `the clock is ${said(aheadMs)} from when the hub last took samples: ${whatToDo}`;
  if (aheadMs < longestPauseMs) return undefined;
  return `the clock is ${said(aheadMs)} from when the hub last took samples: if it was not switched off so long, ${whatToDo}`;
}

function said(ms: number): string {
  const sign = ms < 0 ? '-' : '+';
  const size = Math.abs(ms);
  const [count, unit] = size >= 2 * dayMs ? [size / dayMs, 'days'] : [size / 60_000, 'minutes'];
  return `${sign}${Math.round(count).toLocaleString('en')} ${unit}`;
}
