/** Ordinary least squares of a few variables, centred first so that the intercept costs no digits. */

export interface LeastSquares {
  readonly intercept: number;
  readonly coefficients: readonly number[];
}

/**
 * @param rows values of the variables, one row an observation.
 * @returns undefined: the variables depend on each other, or one does not vary.
 */
export function leastSquares(rows: readonly (readonly number[])[], y: readonly number[]): LeastSquares | undefined {
  const count = rows[0]?.length ?? 0;
  const meanY = mean(y);
  const means = Array.from({ length: count }, (_, column) => mean(rows.map((row) => row[column]!)));
  const centred = rows.map((row) => row.map((x, column) => x - means[column]!));
  const products = (a: number, b: number) => sum(centred.map((row) => row[a]! * row[b]!));
  // The normal equations, with the right side as last column.
  const system = Array.from({ length: count }, (_, a) => [
    ...Array.from({ length: count }, (_, b) => products(a, b)),
    sum(centred.map((row, index) => row[a]! * (y[index]! - meanY))),
  ]);
  const coefficients = solve(system);
  if (!coefficients) return undefined;
  return { intercept: meanY - sum(coefficients.map((one, column) => one * means[column]!)), coefficients };
}

/** What is left of a pivot, relative to its beginning, below which a column counts as dependent. */
const leastPivot = 1e-12;

/** Gaussian elimination; the diagonal of normal equations is its own best scale. */
function solve(system: number[][]): number[] | undefined {
  const scale = system.map((row, at) => row[at]!);
  for (const [at, row] of system.entries()) {
    if (!(row[at]! > leastPivot * scale[at]!) || !(scale[at]! > 0)) return undefined;
    for (const other of system) {
      if (other === row) continue;
      const factor = other[at]! / row[at]!;
      for (const [column, value] of row.entries()) other[column] = other[column]! - factor * value;
    }
  }
  const solution = system.map((row, at) => row.at(-1)! / row[at]!);
  return solution.every(Number.isFinite) ? solution : undefined;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const mean = (numbers: readonly number[]): number => sum(numbers) / numbers.length;
