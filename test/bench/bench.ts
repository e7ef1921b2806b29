/** What a bench is, and what it prints: one JSON object per figure, with a reference measured in the same run. */

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same work by the bare library, measured in the same run; null where there is nothing to compare with. */
  readonly reference: number | null;
  /** What the reference is. */
  readonly against?: string;
  /** What was measured, as far as the name does not say it. */
  readonly note?: string;
  /** What must be reached, in the same unit. */
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Bench {
  /** Names of the figures that it prints, for choosing. */
  readonly names: readonly string[];
  run(context: BenchContext): AsyncIterable<Figure>;
}

export interface BenchContext {
  /** A folder on disk that the bench may fill; removed afterwards. */
  readonly dir: string;
  /** How long a bench of a rate shall hold it, seconds; each has its own usual length. */
  readonly seconds?: number | undefined;
  /** How long an outage is, hours. */
  readonly hours?: number | undefined;
  /** How many agents a fleet has. */
  readonly agents?: number | undefined;
  /** What is going on, for a person who waits. */
  progress(text: string): void;
}

/** The line that is printed. */
export const toLine = (figure: Figure) => ({
  ...figure,
  value: round(figure.value),
  reference: figure.reference === null ? null : round(figure.reference),
  ratio: figure.reference ? round(figure.value / figure.reference) : null,
  ...verdict(figure),
});

function verdict({ value, atMost, atLeast }: Figure): { verdict?: 'reached' | 'missed' } {
  if (atMost === undefined && atLeast === undefined) return {};
  const reached = value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
  return { verdict: reached ? 'reached' : 'missed' };
}

const round = (value: number): number => Number(value.toPrecision(4));

/** Seconds that a piece of work takes. */
export async function timed(work: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
