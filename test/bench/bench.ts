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
}

export interface Bench {
  /** Names of the figures that it prints, for choosing. */
  readonly names: readonly string[];
  run(context: BenchContext): AsyncIterable<Figure>;
}

export interface BenchContext {
  /** A folder on disk that the bench may fill; removed afterwards. */
  readonly dir: string;
  /** What is going on, for a person who waits. */
  progress(text: string): void;
}

export const withRatio = (figure: Figure) => ({
  ...figure,
  value: round(figure.value),
  reference: figure.reference === null ? null : round(figure.reference),
  ratio: figure.reference ? round(figure.value / figure.reference) : null,
});

const round = (value: number): number => Number(value.toPrecision(4));

/** Seconds that a piece of work takes. */
export async function timed(work: () => Promise<void> | void): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}
