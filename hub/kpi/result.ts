/** What a KPI is computed from and what comes of it (kpi.md §1.6 R1). */

/**
 * `ok`: coverage ≥ 0.95 · `partial`: ≥ 0.80 · `no_data`: below, or an input was not measured; value null ·
 * `undefined`: denominator 0, or something is not declared that gives the KPI its meaning (PRI, contract, tariff);
 * value null, a flag says what · `suspect`: told, but a person must look at an input.
 */
export type KpiStatus = 'ok' | 'partial' | 'no_data' | 'undefined' | 'suspect';

/** Flat numbers by name with their unit in the name: `PBT_s`, `APT_s`, `PQ`, `GQ`, `PRI_GQ_s`, `kWh`. */
export type Elements = Readonly<Record<string, number>>;

/** Lower and upper; null is open: there is no upper bound of a time between failures that has seen none. */
export type KpiBounds = readonly [number | null, number | null];

/** R1. `value` is a fraction for ratios (0.738889), never rounded, never clamped; null is "not known". */
export interface KpiResult {
  readonly value: number | null;
  readonly status: KpiStatus;
  /** Known share of what was asked for, 0 to 1. */
  readonly coverage: number;
  readonly flags: readonly string[];
  /** Those of the inputs that were there. */
  readonly elements: Elements;
  /** What the value could be if the unknown part were as bad, or as good, as possible. */
  readonly bounds?: KpiBounds;
  /** What of the parameters went into the value: part of its lineage and of its hash, as the elements are. */
  readonly parameters?: Readonly<Record<string, number | string>>;
}
