/**
 * The commissioning sheets of all agents, as they were signed, and what the newest of them says of each tag. An agent's
 * key is remembered from its first sheet on: nobody else can speak for its tags.
 */
import type { Database } from 'better-sqlite3';
import { canonicalJson } from '../../protocols/canonical-json.ts';
import type { Clock } from '../../protocols/clock.ts';
import {
  definitionOf,
  faultOfSheet,
  fingerprintOf,
  identityOf,
  isProof,
  type Measured,
  type SheetRow,
  type SignedSheet,
  verdicts,
} from '../../protocols/commissioning.ts';
import { RejectedError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';

export interface SheetSummary {
  readonly hash: string;
  readonly agent: string;
  readonly site: string;
  readonly technician: string;
  readonly startedAt: TimeUs;
  readonly finishedAt: TimeUs;
  readonly receivedAt: TimeUs;
  /** Name of the token that brought it. */
  readonly receivedBy: string;
  /** Rows by verdict. */
  readonly counts: Readonly<Record<(typeof verdicts)[number], number>>;
}

export interface Commissioned {
  readonly at: TimeUs;
  /** The technician. */
  readonly by: string;
  /** Its hash. */
  readonly sheet: string;
}

export interface SheetFilter {
  sees(site: string): boolean;
  readonly agent?: string | undefined;
  readonly before?: string | undefined;
}

export interface CommissioningSheets {
  /**
   * Keeps a sheet for good; false when it was kept already.
   * @throws {RejectedError} `altered`: it is not as it was signed. `key`: the agent has signed with another key before.
   */
  accept(signed: SignedSheet, by: string): boolean;
  /** Those of the sites that are seen, the newest first; `before` is the hash of the last one of the page before. */
  list(about: SheetFilter, limit: number): SheetSummary[];
  find(hash: string): { readonly summary: SheetSummary; readonly signed: SignedSheet } | undefined;
  /** Who accepted the tag, under its full path, as it is declared now. */
  of(agent: string, tag: Measured): Commissioned | undefined;
  /** The agent's next sheet may come with another key. @throws {RejectedError} `unknown` */
  releaseKey(agent: string, by: string): void;
}

export const commissioningSchema = `
  CREATE TABLE IF NOT EXISTS commissioning_sheet (
    id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, received_at INTEGER NOT NULL,
    received_by TEXT NOT NULL, summary TEXT NOT NULL, content TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS commissioning_sheet_of_agent ON commissioning_sheet (agent, id);
  CREATE TRIGGER IF NOT EXISTS commissioning_sheet_keeps BEFORE UPDATE ON commissioning_sheet BEGIN SELECT RAISE(ABORT, 'sheets are kept as they were signed'); END;
  CREATE TRIGGER IF NOT EXISTS commissioning_sheet_stays BEFORE DELETE ON commissioning_sheet BEGIN SELECT RAISE(ABORT, 'sheets are kept as they were signed'); END;
  CREATE TABLE IF NOT EXISTS commissioned_tag (
    agent TEXT NOT NULL, identity TEXT NOT NULL, proof INTEGER NOT NULL, at INTEGER NOT NULL, technician TEXT NOT NULL,
    sheet TEXT NOT NULL, PRIMARY KEY (agent, identity)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS commissioning_key (
    agent TEXT PRIMARY KEY, public_key TEXT NOT NULL, pinned_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

interface SheetRowOfTable {
  readonly hash: string;
  readonly received_at: TimeUs;
  readonly received_by: string;
  readonly summary: string;
  readonly content: string;
}

export function createCommissioningSheets(
  db: Database,
  audit: AuditLog,
  clock: Pick<Clock, 'now'>,
): CommissioningSheets {
  const columns = 'hash, received_at, received_by, summary';
  const one = db.prepare<[string], SheetRowOfTable>('SELECT * FROM commissioning_sheet WHERE hash = ?');
  const page = db.prepare<{ agent: string | null; before: string | null }, SheetRowOfTable>(
    `SELECT ${columns} FROM commissioning_sheet WHERE (:agent IS NULL OR agent = :agent)
     AND (:before IS NULL OR id < (SELECT id FROM commissioning_sheet WHERE hash = :before)) ORDER BY id DESC`,
  );
  const insert = db.prepare<[string, string, TimeUs, string, string, string]>(
    'INSERT INTO commissioning_sheet (hash, agent, received_at, received_by, summary, content) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const keyOf = db.prepare<[string], string>('SELECT public_key FROM commissioning_key WHERE agent = ?').pluck();
  const pinKey = db.prepare<[string, string, TimeUs]>('INSERT INTO commissioning_key VALUES (?, ?, ?)');
  const dropKey = db.prepare<[string]>('DELETE FROM commissioning_key WHERE agent = ?');
  const putTag = db.prepare<[string, string, number, TimeUs, string, string]>(
    `INSERT INTO commissioned_tag VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET proof = excluded.proof, at = excluded.at, technician = excluded.technician,
       sheet = excluded.sheet WHERE excluded.at >= at`,
  );
  const oneTag = db.prepare<[string, string], { proof: number; at: TimeUs; technician: string; sheet: string }>(
    'SELECT proof, at, technician, sheet FROM commissioned_tag WHERE agent = ? AND identity = ?',
  );

  const store = db.transaction((signed: SignedSheet, by: string): boolean => {
    const { sheet, hash } = signed;
    if (one.get(hash)) return false;
    const now = clock.now();
    const pinned = keyOf.get(sheet.agent);
    if (pinned === undefined) pinKey.run(sheet.agent, sheet.publicKey, now);
    else if (pinned !== sheet.publicKey) {
      const keys = `${fingerprintOf(pinned).slice(0, 16)}… is known, ${fingerprintOf(sheet.publicKey).slice(0, 16)}… came`;
      throw new RejectedError(
        `agent "${sheet.agent}" has signed with another key before (${keys}). If its gateway was replaced, ` +
          `an administrator runs "payesh-hub agent release-key ${sheet.agent}"`,
        { reason: 'key' },
      );
    }
    const counts = countsOf(signed);
    const { agent, site, technician, startedAt, finishedAt } = sheet;
    const summary = canonicalJson({ agent, site, technician: technician.name, startedAt, finishedAt, counts });
    insert.run(hash, agent, now, by, summary, JSON.stringify(signed));
    for (const row of sheet.rows) {
      const proof = isProof(row);
      if (proof === undefined) continue;
      putTag.run(agent, identityOf(fullOf(row, site)), Number(proof), finishedAt, technician.name, hash);
    }
    audit.append({
      who: by,
      what: 'commissioning.accept',
      object: hash,
      details: { agent, site, technician: technician.name, ...counts },
    });
    return true;
  });
  const releaseKey = db.transaction((agent: string, by: string) => {
    const known = keyOf.get(agent);
    if (known === undefined) throw new RejectedError(`no key of agent "${agent}" is known`, { reason: 'unknown' });
    dropKey.run(agent);
    const details = { fingerprint: fingerprintOf(known) };
    audit.append({ who: by, what: 'commissioning.release-key', object: agent, details });
  });

  return {
    accept(signed, by) {
      const fault = faultOfSheet(signed);
      if (fault) throw new RejectedError(fault, { reason: 'altered' });
      return store.immediate(signed, by);
    },
    list({ sees, agent = null, before = null }, limit) {
      const found: SheetSummary[] = [];
      for (const row of page.iterate({ agent, before })) {
        const summary = toSummary(row);
        if (sees(summary.site)) found.push(summary);
        if (found.length === limit) break;
      }
      return found;
    },
    find(hash) {
      const row = one.get(hash);
      return row && { summary: toSummary(row), signed: JSON.parse(row.content) as SignedSheet };
    },
    of(agent, tag) {
      const row = oneTag.get(agent, identityOf(tag));
      return row?.proof ? { at: row.at, by: row.technician, sheet: row.sheet } : undefined;
    },
    releaseKey: (agent, by) => releaseKey.immediate(agent, by),
  };
}

const fullOf = (row: SheetRow, site: string): Measured => ({
  ...row,
  path: `${site}/${row.path}`,
  definition: definitionOf(row.address),
});

const countsOf = ({ sheet }: SignedSheet): SheetSummary['counts'] =>
  Object.fromEntries(
    verdicts.map((verdict) => [verdict, sheet.rows.filter((row) => row.verdict === verdict).length]),
  ) as SheetSummary['counts'];

const toSummary = ({ hash, received_at, received_by, summary }: SheetRowOfTable): SheetSummary => ({
  ...JSON.parse(summary),
  hash,
  receivedAt: received_at,
  receivedBy: received_by,
});
