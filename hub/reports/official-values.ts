/**
 * The official values of a report, of its month and its days, in a file of their own that never changes: what was issued
 * does not depend on what the hub computes later, or with which version of its program.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import { openToRead, openVersioned } from '../../protocols/sqlite/versioned-file.ts';
import type { RolledValue } from '../rollup/values/rolled-values.ts';

export const officialGranularities = ['day', 'month'] as const;

/** What is official of a value; the elements are those of the buckets it came from. */
export type OfficialValue = Pick<
  RolledValue,
  | 'value'
  | 'status'
  | 'coverage'
  | 'bounds'
  | 'flags'
  | 'unit'
  | 'definitionVersion'
  | 'inputHash'
  | 'revision'
  | 'computedAt'
  | 'plantVersion'
  | 'end'
> & { readonly jalaliDate: string };

export interface OfficialKey {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: string;
  readonly start: TimeUs;
}

export interface OfficialValues extends Disposable {
  get(key: OfficialKey): OfficialValue | undefined;
  each(): IterableIterator<OfficialKey & { readonly value: OfficialValue }>;
}

const layoutVersion = 1;
const schema = `CREATE TABLE official (
  kpi TEXT NOT NULL, asset TEXT NOT NULL, granularity TEXT NOT NULL, start INTEGER NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (asset, kpi, granularity, start)) STRICT, WITHOUT ROWID`;

/** A new file, durable when it returns. */
export function writeOfficialValues(file: string, values: Iterable<RolledValue>): void {
  const db = openVersioned(file, {
    version: layoutVersion,
    timeoutMs: 5000,
    configure(db) {
      db.pragma('journal_mode = DELETE');
      db.pragma('synchronous = FULL');
    },
    prepare: (db) => void db.exec(schema),
  });
  try {
    const insert = db.prepare('INSERT INTO official VALUES (?, ?, ?, ?, ?)');
    db.transaction(() => {
      for (const { kpi, asset, bucket, start, ...value } of values) {
        insert.run(kpi, asset, bucket.granularity, start, JSON.stringify(officialOf(value, bucket.jalaliDate)));
      }
    })();
  } finally {
    db.close();
  }
}

const officialOf = (
  value: Omit<RolledValue, 'kpi' | 'asset' | 'bucket' | 'start'>,
  jalaliDate: string,
): OfficialValue => {
  const { status, coverage, bounds, flags, unit, definitionVersion, inputHash, revision } = value;
  const { computedAt, plantVersion, end } = value;
  return {
    ...{ value: value.value, status, coverage, ...(bounds && { bounds }), flags, unit, definitionVersion, inputHash },
    ...{ revision, computedAt, plantVersion, end, jalaliDate },
  };
};

/** @throws {ConfigError} a newer program has written it. */
export function openOfficialValues(file: string): OfficialValues {
  const db = openToRead(file, layoutVersion, 5000);
  const one = db
    .prepare<[string, string, string, number], string>(
      'SELECT content FROM official WHERE asset = ? AND kpi = ? AND granularity = ? AND start = ?',
    )
    .pluck();
  const all = db.prepare<[], OfficialKey & { content: string }>('SELECT * FROM official');
  return {
    get({ kpi, asset, granularity, start }) {
      const content = one.get(asset, kpi, granularity, start);
      return content === undefined ? undefined : JSON.parse(content);
    },
    *each() {
      for (const { content, ...key } of all.iterate()) yield { ...key, value: JSON.parse(content) };
    },
    [Symbol.dispose]: () => void db.close(),
  };
}
