/**
 * KPI values as they were told, by revision (kpi.md §5.4): a value whose inputs changed gets a new revision and the
 * old one stays; the same inputs never make one. Windows on the quarter-hour grid are kept; any other window only for
 * an hour, so that a page that is asked again and again does not fill the disk.
 */
import Database from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { KpiValue } from '../kpi/kpi.ts';
import type { Elements, KpiStatus } from '../kpi/result.ts';
import { hourUs, minuteUs } from '../plant/zone.ts';

/** A value before it has its revision. */
export type NewKpiValue = Omit<KpiValue, 'revision'> & {
  /** Version of the plant that it was computed with. */
  readonly plantVersion: string;
};

export interface KpiValues extends Disposable {
  /**
   * Gives every value its revision. One with the inputs of the latest revision is that revision, as it was told
   * then, but for `provisional`. All or none are kept.
   */
  record(values: readonly NewKpiValue[]): KpiValue[];
  /** All revisions of one value, oldest first. */
  revisions(kpi: string, asset: string, start: TimeUs, end: TimeUs): KpiValue[];
}

interface Row {
  readonly kpi: string;
  readonly asset: string;
  readonly start: number;
  readonly end: number;
  readonly revision: number;
  readonly value: number | null;
  readonly unit: string;
  readonly status: string;
  readonly coverage: number;
  readonly flags: string;
  readonly elements: string;
  readonly bounds: string | null;
  readonly definition_version: number;
  readonly plant_version: string;
  readonly input_hash: string;
  readonly provisional: number;
  readonly computed_at: number;
  readonly kept: number;
}

const schema = `
  CREATE TABLE IF NOT EXISTS kpi_value (
    kpi TEXT NOT NULL, asset TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, revision INTEGER NOT NULL,
    value REAL, unit TEXT NOT NULL, status TEXT NOT NULL, coverage REAL NOT NULL, flags TEXT NOT NULL,
    elements TEXT NOT NULL, bounds TEXT, definition_version INTEGER NOT NULL, plant_version TEXT NOT NULL,
    input_hash TEXT NOT NULL, provisional INTEGER NOT NULL, computed_at INTEGER NOT NULL, kept INTEGER NOT NULL,
    PRIMARY KEY (kpi, asset, start, end, revision)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS kpi_value_passing ON kpi_value (computed_at) WHERE kept = 0;
`;

const gridUs = 15 * minuteUs;
const passingUs = hourUs;

export function openKpiValues(file: string): KpiValues {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  // Every value can be computed again from its samples: the last ones may be lost in a power cut.
  db.pragma('synchronous = NORMAL');
  db.exec(schema);
  const key = 'kpi = ? AND asset = ? AND start = ? AND end = ?';
  const selectAll = db.prepare<[string, string, number, number], Row>(
    `SELECT * FROM kpi_value WHERE ${key} ORDER BY revision`,
  );
  const selectLatest = db.prepare<[string, string, number, number], Row>(
    `SELECT * FROM kpi_value WHERE ${key} ORDER BY revision DESC LIMIT 1`,
  );
  const insert = db.prepare<[Row]>(`
    INSERT INTO kpi_value VALUES (@kpi, @asset, @start, @end, @revision, @value, @unit, @status, @coverage, @flags,
      @elements, @bounds, @definition_version, @plant_version, @input_hash, @provisional, @computed_at, @kept)`);
  const settle = db.prepare(`UPDATE kpi_value SET provisional = ? WHERE ${key} AND revision = ?`);
  const dropPassed = db.prepare('DELETE FROM kpi_value WHERE kept = 0 AND computed_at < ?');

  const recordOne = (fresh: NewKpiValue): KpiValue => {
    const { kpi, asset, start, end, provisional } = fresh;
    const latest = selectLatest.get(kpi, asset, start, end);
    if (latest && hasSameInputs(latest, fresh)) {
      if (latest.provisional !== Number(provisional))
        settle.run(Number(provisional), kpi, asset, start, end, latest.revision);
      return { ...toValue(latest), provisional };
    }
    const row = toRow(fresh, (latest?.revision ?? 0) + 1);
    insert.run(row);
    return toValue(row);
  };

  const record = db.transaction((values: readonly NewKpiValue[]): KpiValue[] => {
    const recorded = values.map(recordOne);
    if (values[0]) dropPassed.run(values[0].computedAt - passingUs);
    return recorded;
  });

  return {
    record: (values) => record.immediate(values),
    revisions: (kpi, asset, start, end) => selectAll.all(kpi, asset, start, end).map(toValue),
    [Symbol.dispose]() {
      db.close();
    },
  };
}

function hasSameInputs(row: Row, fresh: NewKpiValue): boolean {
  if (row.input_hash === fresh.inputHash) return true;
  if (row.definition_version !== fresh.definitionVersion || row.plant_version !== fresh.plantVersion) return false;
  return equalElements(JSON.parse(row.elements) as Elements, fresh.elements);
}

/** To 1e-9 (R15): the same samples, added up in other slices, differ in their last digits. */
function equalElements(a: Elements, b: Elements): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const [one, other] = [a[name]!, b[name] ?? Number.NaN];
    return Math.abs(one - other) <= 1e-9 * Math.max(Math.abs(one), Math.abs(other));
  });
}

const toRow = (value: NewKpiValue, revision: number): Row => ({
  kpi: value.kpi,
  asset: value.asset,
  start: value.start,
  end: value.end,
  revision,
  value: value.value,
  unit: value.unit,
  status: value.status,
  coverage: value.coverage,
  flags: JSON.stringify(value.flags),
  elements: JSON.stringify(value.elements),
  bounds: value.bounds ? JSON.stringify(value.bounds) : null,
  definition_version: value.definitionVersion,
  plant_version: value.plantVersion,
  input_hash: value.inputHash,
  provisional: Number(value.provisional),
  computed_at: value.computedAt,
  kept: Number(value.start % gridUs === 0 && value.end % gridUs === 0),
});

const toValue = (row: Row): KpiValue => ({
  kpi: row.kpi,
  definitionVersion: row.definition_version,
  asset: row.asset,
  start: row.start,
  end: row.end,
  value: row.value,
  unit: row.unit,
  status: row.status as KpiStatus,
  coverage: row.coverage,
  flags: JSON.parse(row.flags),
  elements: JSON.parse(row.elements),
  ...(row.bounds !== null && { bounds: JSON.parse(row.bounds) }),
  provisional: row.provisional === 1,
  revision: row.revision,
  inputHash: row.input_hash,
  computedAt: row.computed_at,
});
