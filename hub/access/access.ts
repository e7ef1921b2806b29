/**
 * Who may come in: tokens, agents' broker accounts, and the audit log of what they did, in one SQLite file; beside them the
 * commissioning sheets, the plant models, what people enter and import, which are accepted together with their audit event.
 * The commands open it beside the running hub: a revoked token is refused from the next request on.
 */
import { closeSync, openSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { type Clock, systemClock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import { openVersioned } from '../../protocols/sqlite/versioned-file.ts';
import { type CommissioningSheets, commissioningSchema, createCommissioningSheets } from '../commissioning/sheets.ts';
import { createEntryLog, type EntryLog, entrySchema } from '../entries/entry-log.ts';
import { createImportLog, type ImportLog, importSchema } from '../imports/import-log.ts';
import { isWaitedOut } from '../ledger/waited-out.ts';
import { createPlantVersions, type PlantVersions, plantVersionSchema } from '../plant/versions.ts';
import { createReportLog, type ReportLog, reportSchema } from '../reports/report-log.ts';
import { type AgentAccounts, agentSchema, createAgentAccounts } from './agents.ts';
import { type AuditLog, auditSchema, createAuditLog } from './audit.ts';
import { createTokens, type Tokens, tokenSchema } from './tokens.ts';

export interface Access extends Disposable {
  readonly tokens: Tokens;
  readonly agents: AgentAccounts;
  readonly audit: AuditLog;
  readonly sheets: CommissioningSheets;
  readonly plants: PlantVersions;
  readonly entries: EntryLog;
  readonly imports: ImportLog;
  readonly reports: ReportLog;
}

const layoutVersion = 1;

/**
 * @param clock expiry and audit follow the system's clock, whatever the plant's clock does.
 * @throws {ConfigError} the file cannot be read, written or understood.
 */
export function openAccess(file: string, { clock = systemClock }: { clock?: Pick<Clock, 'now'> } = {}): Access {
  const db = openDatabase(file);
  const audit = createAuditLog(db, clock);
  return {
    audit,
    tokens: createTokens(db, audit, clock),
    agents: createAgentAccounts(db, audit, clock),
    sheets: createCommissioningSheets(db, audit, clock),
    plants: createPlantVersions(db, audit, clock),
    entries: createEntryLog(db, audit, clock),
    imports: createImportLog(db, audit),
    reports: createReportLog(db, audit),
    [Symbol.dispose]: () => {
      db.close();
    },
  };
}

const schema =
  tokenSchema +
  agentSchema +
  auditSchema +
  commissioningSchema +
  plantVersionSchema +
  entrySchema +
  importSchema +
  reportSchema;

function openDatabase(file: string): Database {
  try {
    // Made here and not by SQLite, so that nobody else can read it; -wal and -shm take over its mode.
    closeSync(openSync(file, 'a', 0o600));
    return openVersioned(file, {
      version: layoutVersion,
      timeoutMs: 5000,
      configure(db) {
        db.pragma('journal_mode = WAL');
        db.pragma('synchronous = FULL');
        db.pragma('trusted_schema = OFF');
      },
      prepare: (db) => void db.exec(schema),
    });
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    // A full disk passes, and whoever starts the hub shall try again.
    if (isWaitedOut(cause)) {
      throw new ConnectionError(`cannot open the access file ${file}: ${(cause as Error).message}`, { cause });
    }
    const hint = 'check that the folder exists, belongs to the hub and has space; restore the file if it is damaged';
    throw new ConfigError(`cannot open the access file: ${(cause as Error).message}`, { path: file, hint, cause });
  }
}
