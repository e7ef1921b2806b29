/** What /readyz answers: why nothing can be taken now, each cause once, and a full disk under a word of its own. */

export interface Readiness {
  readonly ok: boolean;
  readonly reasons: readonly string[];
}

/** What DuckDB, SQLite, the system and InfluxDB say of a disk without space. */
const ofFullDisk = /no space left|disk is full|not enough space|ENOSPC|disk quota exceeded/i;

export function readinessOf(found: readonly string[]): Readiness {
  const named = found.map((reason) => (ofFullDisk.test(reason) ? `storage_full: ${reason}` : reason));
  const reasons = [...new Set(named)];
  return { ok: reasons.length === 0, reasons };
}
