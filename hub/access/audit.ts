/**
 * The audit log: who changed or exported what, append-only. Each event's hash covers the hash before it,
 * h(i) = SHA-256(h(i-1) ‖ canonical JSON of event i), so that no event can be altered, removed or put in unnoticed;
 * a head that somebody noted down also shows a log whose end was cut off.
 */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { canonicalJson, type Json } from '../../protocols/canonical-json.ts';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';

export interface AuditEntry {
  /** A token's name, `cli:<user of the operating system>`, or `hub`. */
  readonly who: string;
  /** A verb: `token.create`, `export.begin`. */
  readonly what: string;
  readonly object: string;
  readonly details?: { readonly [key: string]: Json };
}

export interface AuditEvent extends Required<AuditEntry> {
  /** From 1, without a hole. */
  readonly number: number;
  readonly at: TimeUs;
  /** 64 hex digits. */
  readonly hash: string;
}

export type AuditHead = Pick<AuditEvent, 'number' | 'hash'>;

export type AuditVerdict =
  | { readonly ok: true; readonly events: number; readonly head: AuditHead }
  | { readonly ok: false; readonly number: number; readonly reason: string };

export interface AuditLog {
  /** Durable when it returns. Inside a transaction, it shares that transaction's fate. */
  append(entry: AuditEntry): AuditHead;
  /** Reads the whole chain; with a witness, also that the log still holds that head. */
  verify(witness?: AuditHead): AuditVerdict;
  /** Events after a number, oldest first. */
  list(after: number, limit: number): AuditEvent[];
  /** Number 0 and 64 zeros before the first event. */
  head(): AuditHead;
}

export const auditSchema = `
  CREATE TABLE IF NOT EXISTS audit (number INTEGER PRIMARY KEY, event TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
  CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`;

interface Row {
  readonly number: number;
  readonly event: string;
  readonly hash: Buffer;
}

const genesis = Buffer.alloc(32);

export function createAuditLog(db: Database, clock: Pick<Clock, 'now'>): AuditLog {
  const insert = db.prepare<[number, string, Buffer]>('INSERT INTO audit VALUES (?, ?, ?)');
  const last = db.prepare<[], Row>('SELECT * FROM audit ORDER BY number DESC LIMIT 1');
  const page = db.prepare<[number, number], Row>('SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?');
  const all = db.prepare<[], Row>('SELECT * FROM audit ORDER BY number');

  // Several processes append to this file: the head must be read under the write lock.
  const append = db.transaction((entry: AuditEntry): AuditHead => {
    const previous = last.get();
    const number = (previous?.number ?? 0) + 1;
    const event = canonicalJson({ number, at: clock.now(), details: {}, ...entry });
    const hash = chain(previous?.hash ?? genesis, event);
    insert.run(number, event, hash);
    return { number, hash: hash.toString('hex') };
  });

  return {
    append: (entry) => append.immediate(entry),
    verify(witness) {
      let head: AuditHead = { number: 0, hash: genesis.toString('hex') };
      let previous: Buffer = genesis;
      for (const row of all.iterate()) {
        const fault = faultOf(row, head.number + 1, previous);
        if (fault) return { ok: false, number: row.number, reason: fault };
        if (row.number === witness?.number && row.hash.toString('hex') !== witness.hash) {
          return { ok: false, number: row.number, reason: 'the event is not the one whose hash was noted' };
        }
        previous = row.hash;
        head = { number: row.number, hash: row.hash.toString('hex') };
      }
      if (witness && witness.number > head.number) {
        return { ok: false, number: head.number + 1, reason: 'the end of the log is missing' };
      }
      return { ok: true, events: head.number, head };
    },
    list: (after, limit) =>
      page.all(after, limit).map((row) => ({ ...JSON.parse(row.event), hash: row.hash.toString('hex') })),
    head() {
      const row = last.get();
      return { number: row?.number ?? 0, hash: (row?.hash ?? genesis).toString('hex') };
    },
  };
}

function faultOf(row: Row, expected: number, previous: Buffer): string | undefined {
  if (row.number !== expected) return `event ${expected} is missing`;
  if (!chain(previous, row.event).equals(row.hash)) return 'the hash does not match the event and the one before it';
  // Beyond the hash: a forger may have recomputed the chain over an event of another shape or number.
  try {
    const event = JSON.parse(row.event);
    if (event.number !== row.number || canonicalJson(event) !== row.event) return 'the event is not canonical';
  } catch {
    return 'the event is not JSON';
  }
  return undefined;
}

const chain = (previous: Buffer, event: string): Buffer => createHash('sha256').update(previous).update(event).digest();
