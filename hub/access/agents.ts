/**
 * The broker accounts of agents and of the hub itself. Passwords are kept as lines of a mosquitto 2 password file,
 * `$7$<iterations>$<salt>$<PBKDF2-SHA512>` in base64, so that the embedded broker and mosquitto accept the same ones.
 */
import { pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { Clock } from '../../protocols/clock.ts';
import { RejectedError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { agentIdPattern } from '../../protocols/topics.ts';
import type { AuditLog } from './audit.ts';

export interface AgentAccount {
  readonly id: string;
  readonly createdAt: TimeUs;
  readonly passwordSetAt: TimeUs;
}

export interface AgentAccounts {
  /** Returns the new password, which cannot be seen again. @throws {RejectedError} `invalid`, `taken` */
  add(id: string, by: string): string;
  /** Another password in place of the one before, which no login is taken with from now on. @throws {RejectedError} `unknown` */
  renew(id: string, by: string): string;
  /** Makes the account or changes its password; the same password again changes nothing. @throws {RejectedError} `invalid` */
  setPassword(id: string, password: string, by: string): void;
  list(): AgentAccount[];
  /** @throws {RejectedError} `unknown` */
  remove(id: string, by: string): void;
  verify(id: string, password: string): boolean;
  /** What mosquitto's `password_file` holds. */
  passwordFile(): string;
}

export const agentSchema = `
  CREATE TABLE IF NOT EXISTS agent (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, created_at INTEGER NOT NULL, password_set_at INTEGER NOT NULL) STRICT;
`;

interface Row {
  readonly id: string;
  readonly hash: string;
  readonly created_at: TimeUs;
  readonly password_set_at: TimeUs;
}

const minPasswordLength = 12;
/** The broker checks on its only thread while a thousand agents come back: random passwords need no slow hash. */
const iterations = 1000;
/** mosquitto 2.0 takes salts of just this length. */
const saltBytes = 12;
const hashBytes = 64;

export function createAgentAccounts(db: Database, audit: AuditLog, clock: Pick<Clock, 'now'>): AgentAccounts {
  const one = db.prepare<[string], Row>('SELECT * FROM agent WHERE id = ?');
  const all = db.prepare<[], Row>('SELECT * FROM agent ORDER BY id');
  const put = db.prepare<{ id: string; hash: string; now: TimeUs }>(
    `INSERT INTO agent VALUES (:id, :hash, :now, :now)
     ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, password_set_at = excluded.password_set_at`,
  );
  const drop = db.prepare<[string]>('DELETE FROM agent WHERE id = ?');
  const decoy = hashPassword(randomBytes(32).toString('hex'));

  const add = db.transaction((id: string, by: string) => {
    if (!agentIdPattern.test(id)) {
      const rule = 'lower-case letters, digits and -, at most 64';
      throw new RejectedError(`"${id}" is no agent id: ${rule}`, { reason: 'invalid' });
    }
    if (one.get(id)) throw new RejectedError(`agent "${id}" exists already`, { reason: 'taken' });
    const password = randomBytes(24).toString('base64url');
    put.run({ id, hash: hashPassword(password), now: clock.now() });
    audit.append({ who: by, what: 'agent.add', object: id });
    return password;
  });
  const renew = db.transaction((id: string, by: string) => {
    if (!one.get(id)) throw new RejectedError(`there is no agent "${id}"`, { reason: 'unknown' });
    const password = randomBytes(24).toString('base64url');
    put.run({ id, hash: hashPassword(password), now: clock.now() });
    audit.append({ who: by, what: 'agent.password', object: id });
    return password;
  });
  const setPassword = db.transaction((id: string, password: string, by: string) => {
    if (!agentIdPattern.test(id) || password.length < minPasswordLength) {
      const rule = `the id must be valid and the password have at least ${minPasswordLength} characters`;
      throw new RejectedError(`cannot set the password of "${id}": ${rule}`, { reason: 'invalid' });
    }
    const row = one.get(id);
    if (row && matches(password, row.hash)) return;
    put.run({ id, hash: hashPassword(password), now: clock.now() });
    audit.append({ who: by, what: row ? 'agent.password' : 'agent.add', object: id });
  });
  const remove = db.transaction((id: string, by: string) => {
    if (drop.run(id).changes === 0) throw new RejectedError(`there is no agent "${id}"`, { reason: 'unknown' });
    audit.append({ who: by, what: 'agent.remove', object: id });
  });

  return {
    add: (id, by) => add.immediate(id, by),
    renew: (id, by) => renew.immediate(id, by),
    setPassword: (id, password, by) => setPassword.immediate(id, password, by),
    list: () => all.all().map((row) => ({ id: row.id, createdAt: row.created_at, passwordSetAt: row.password_set_at })),
    remove: (id, by) => remove.immediate(id, by),
    verify(id, password) {
      const row = one.get(id);
      // An unknown id takes as long as a wrong password.
      const same = matches(password, row?.hash ?? decoy);
      return same && row !== undefined;
    },
    passwordFile: () =>
      all
        .all()
        .map((row) => `${row.id}:${row.hash}\n`)
        .join(''),
  };
}

function hashPassword(password: string): string {
  const salt = randomBytes(saltBytes);
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512');
  return `$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

function matches(password: string, line: string): boolean {
  const [, , rounds, salt, hash] = line.split('$');
  const expected = Buffer.from(hash!, 'base64');
  const given = pbkdf2Sync(password, Buffer.from(salt!, 'base64'), Number(rounds), expected.length, 'sha512');
  return timingSafeEqual(given, expected);
}
