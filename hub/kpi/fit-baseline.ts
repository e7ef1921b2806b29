/**
 * Fits an energy baseline to the periods of the reference time (kpi.md §2.1): a ratio, one or two variables, or one
 * variable with a change point. Everything else is fitted elsewhere and brought along as a table of coefficients.
 */
import { type BaselineModel, type BaselineTerm, expectedEnergy, type FitStatistics } from './baseline-model.ts';
import type { ElementName } from './element-table.ts';
import { leastSquares } from './least-squares.ts';
import type { Elements } from './result.ts';

export interface FitRequest extends Pick<BaselineModel, 'id' | 'version' | 'energy' | 'period'> {
  /**
   * `ratio`: energy per unit of one variable · `linear`: one or two variables · `above` and `below`: flat, and from the
   * change point on along one variable (cooling, heating) · `bend`: two slopes that meet in the change point.
   */
  readonly method: 'ratio' | 'linear' | 'above' | 'below' | 'bend';
  readonly variables: readonly ElementName[];
}

export type FitRefusal = 'TOO_FEW' | 'NO_VARIABLE' | 'DEPENDENT' | 'WRONG_VARIABLES';

/**
 * @param periods elements of each period with the energy and all variables. Those with estimated energy, outages or
 *   changed static factors are left out by the caller (R7).
 */
export function fitBaseline(
  request: FitRequest,
  periods: readonly Elements[],
): BaselineModel | { readonly refused: FitRefusal } {
  const { method, variables, energy, ...identity } = request;
  const wanted = method === 'linear' ? [1, 2] : [1];
  if (!wanted.includes(variables.length)) return { refused: 'WRONG_VARIABLES' };
  const x = periods.map((period) => variables.map((variable) => period[variable]));
  const y = periods.map((period) => period[energy]);
  if ([...x.flat(), ...y].includes(undefined)) return { refused: 'NO_VARIABLE' };

  const data: Data = { variables, x: x as number[][], y: y as number[] };
  const fitted =
    method === 'above' || method === 'below' || method === 'bend'
      ? 3 + Number(method === 'bend')
      : method === 'ratio'
        ? 1
        : 1 + variables.length;
  if (periods.length <= fitted) return { refused: 'TOO_FEW' };
  const curve = method === 'ratio' ? ratio(data) : method === 'linear' ? linear(data) : changePoint(data, method);
  if (!curve) return { refused: 'DEPENDENT' };
  const model: BaselineModel = {
    ...identity,
    kind: method === 'ratio' || method === 'linear' ? method : 'change_point',
    energy,
    ...curve,
    range: Object.fromEntries(
      variables.map((variable, column) => {
        const values = data.x.map((row) => row[column]!);
        return [variable, [Math.min(...values), Math.max(...values)] as const];
      }),
    ),
  };
  const expected = periods.map((period) => expectedEnergy(model, period).energy!);
  return { ...model, fit: fitStatistics(data.y, expected, fitted) };
}

/** @param fitted number of coefficients that were fitted, the intercept included; fewer than there are values. */
function fitStatistics(actual: readonly number[], expected: readonly number[], fitted: number): FitStatistics {
  const n = actual.length;
  const mean = sum(actual) / n;
  const residuals = actual.map((one, index) => one - expected[index]!);
  const sse = sum(residuals.map((one) => one ** 2));
  const sst = sum(actual.map((one) => (one - mean) ** 2));
  const rmse = Math.sqrt(sse / (n - fitted));
  return {
    n,
    fitted,
    r2: sst === 0 ? null : 1 - sse / sst,
    rmse,
    cvRmse: mean === 0 ? null : rmse / Math.abs(mean),
    nmbe: mean === 0 ? null : sum(residuals) / ((n - fitted) * mean),
  };
}

interface Data {
  readonly variables: readonly ElementName[];
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
}
type Curve = Pick<BaselineModel, 'intercept' | 'terms'>;

/** Of sums, as every ratio here (R4). */
function ratio({ variables, x, y }: Data): Curve | undefined {
  const coefficient = sum(y) / sum(x.map(([one]) => one!));
  return Number.isFinite(coefficient) ? { intercept: 0, terms: [{ variable: variables[0]!, coefficient }] } : undefined;
}

function linear({ variables, x, y }: Data): Curve | undefined {
  const solved = leastSquares(x, y);
  if (!solved) return undefined;
  const terms = variables.map((variable, column) => ({ variable, coefficient: solved.coefficients[column]! }));
  return { intercept: solved.intercept, terms };
}

/** Steps of the search between two neighbouring values; each step halves what is left of it by a third. */
const refinements = 60;

/** The change point with the least squares: first the best observed value, then the best between its neighbours. */
function changePoint(data: Data, method: 'above' | 'below' | 'bend'): Curve | undefined {
  const { variables, x, y } = data;
  const variable = variables[0]!;
  const values = x.map(([one]) => one!);
  const at = (point: number) => {
    const terms: Omit<BaselineTerm, 'coefficient'>[] = [
      ...(method === 'above' ? [] : [{ variable, below: point }]),
      ...(method === 'below' ? [] : [{ variable, above: point }]),
    ];
    const rows = values.map((value) =>
      terms.map(({ above }) => (above === undefined ? Math.max(0, point - value) : Math.max(0, value - point))),
    );
    const solved = leastSquares(rows, y);
    if (!solved) return undefined;
    const { intercept, coefficients } = solved;
    const sse = sum(
      rows.map(
        (row, index) => (y[index]! - intercept - sum(row.map((one, column) => one * coefficients[column]!))) ** 2,
      ),
    );
    return { sse, intercept, terms: terms.map((term, column) => ({ ...term, coefficient: coefficients[column]! })) };
  };
  const sseAt = (point: number): number => at(point)?.sse ?? Number.POSITIVE_INFINITY;
  const points = [...new Set(values)].sort((a, b) => a - b);
  const best = points.reduce((least, point, index) => (sseAt(point) < sseAt(points[least]!) ? index : least), 0);
  let [low, high] = [points[Math.max(0, best - 1)]!, points[Math.min(points.length - 1, best + 1)]!];
  for (let step = 0; step < refinements; step++) {
    const third = (high - low) / 3;
    if (sseAt(low + third) <= sseAt(high - third)) high -= third;
    else low += third;
  }
  const refined = (low + high) / 2;
  const found = at(sseAt(refined) <= sseAt(points[best]!) ? refined : points[best]!);
  return found && { intercept: found.intercept, terms: found.terms };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
