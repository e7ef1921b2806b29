/** Every report that was ever issued, append-only, each together with its audit event. */
import type { Database } from 'better-sqlite3';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';
import type { IssuedReport } from './report.ts';

export interface ReportLog {
  append(report: Omit<IssuedReport, 'id'>): IssuedReport;
  get(id: number): IssuedReport | undefined;
  /** Newest month first, and its newest version. */
  list(filter: { readonly site?: string | undefined; readonly month?: string | undefined }): readonly IssuedReport[];
  /** The one in force then; absent is now. */
  inForce(site: string, month: string, asOf?: TimeUs): IssuedReport | undefined;
  /** Those in force then whose months touch a span, ascending. */
  touching(site: string, from: TimeUs, to: TimeUs, asOf?: TimeUs): readonly IssuedReport[];
}

export const reportSchema = `
  CREATE TABLE IF NOT EXISTS report (
    id INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, month TEXT NOT NULL, version INTEGER NOT NULL,
    content TEXT NOT NULL, UNIQUE (site, month, version)) STRICT;
  CREATE TRIGGER IF NOT EXISTS report_keeps BEFORE UPDATE ON report BEGIN SELECT RAISE(ABORT, 'a report is restated by another version'); END;
  CREATE TRIGGER IF NOT EXISTS report_stays BEFORE DELETE ON report BEGIN SELECT RAISE(ABORT, 'a report stays'); END;
`;

interface Row {
  readonly id: number;
  readonly content: string;
}

export function createReportLog(db: Database, audit: AuditLog): ReportLog {
  const insert = db.prepare<[string, string, number, string]>(
    'INSERT INTO report (site, month, version, content) VALUES (?, ?, ?, ?)',
  );
  const all = db.prepare<[], Row>('SELECT id, content FROM report ORDER BY month DESC, site, version DESC');
  // A few a year and site: all of them are kept in memory.
  let known: readonly IssuedReport[] = all.all().map(({ id, content }) => ({ ...JSON.parse(content), id }));

  const append = db.transaction((report: Omit<IssuedReport, 'id'>): IssuedReport => {
    const { site, month, version, who, why, figuresHash, files } = report;
    const id = Number(insert.run(site, month, version, JSON.stringify(report)).lastInsertRowid);
    const named = files.map(({ name, sha256 }) => ({ name, sha256 }));
    const details = { report: id, month, version, why, figuresHash, files: named };
    audit.append({ who, what: version === 1 ? 'report.issue' : 'report.restate', object: site, details });
    return { ...report, id };
  });
  const touching: ReportLog['touching'] = (site, from, to, asOf = Number.POSITIVE_INFINITY) => {
    const newest = new Map<string, IssuedReport>();
    for (const report of known) {
      if (report.site !== site || report.issuedAt > asOf || report.start >= to || report.end <= from) continue;
      if ((newest.get(report.month)?.version ?? 0) < report.version) newest.set(report.month, report);
    }
    return [...newest.values()].sort((a, b) => a.start - b.start);
  };
  return {
    append(report) {
      const issued = append.immediate(report);
      known = all.all().map(({ id, content }) => ({ ...JSON.parse(content), id }));
      return issued;
    },
    get: (id) => known.find((report) => report.id === id),
    list: ({ site, month }) =>
      known.filter((one) => (site ?? one.site) === one.site && (month ?? one.month) === one.month),
    inForce: (site, month, asOf = Number.POSITIVE_INFINITY) =>
      known.find((one) => one.site === site && one.month === month && one.issuedAt <= asOf),
    touching,
  };
}
