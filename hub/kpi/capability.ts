/**
 * Capability of a process and of a machine (ISO 22400-2, ISO 22514): how much of the tolerance its spread takes. Cp and
 * Cpk with the spread within subgroups (ŝ), Cm and Cmk with that of all values (s).
 */
export interface Tolerance {
  readonly lower: number;
  readonly upper: number;
}

/** Capable above 1.33 (process) or 1.66 (machine). null: there is no spread. */
export const capability = ({ lower, upper }: Tolerance, spread: number): number | null =>
  spread > 0 ? (upper - lower) / (6 * spread) : null;

/** The worse of the two sides. */
export const capabilityOneSided = ({ lower, upper }: Tolerance, mean: number, spread: number): number | null =>
  spread > 0 ? Math.min(upper - mean, mean - lower) / (3 * spread) : null;
