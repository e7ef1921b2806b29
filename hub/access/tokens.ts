/**
 * Bearer tokens of people and programs: `pay_` and 256 random bits. Only their SHA-256 is kept, so a stolen file opens
 * nothing; a plain hash is enough, because what it hides cannot be guessed.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import type { Clock } from '../../protocols/clock.ts';
import { RejectedError } from '../../protocols/errors.ts';
import { tagPathSchema } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from './audit.ts';
import { type Principal, type Role, roles, type SiteScope } from './scope.ts';

export const maxTokenDays = 365;
export const defaultTokenDays = 90;

const tokenRequestSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u, 'must be 1 to 64 letters, digits, spaces or . _ @ -'),
  role: z.enum(roles),
  sites: z.union([z.literal('*'), z.array(tagPathSchema).min(1).max(1000)]).default('*'),
  days: z.int().min(1).max(maxTokenDays).default(defaultTokenDays),
});
export type TokenRequest = z.input<typeof tokenRequestSchema>;

export interface Token extends Principal {
  readonly createdAt: TimeUs;
  /** To the minute. */
  readonly lastUsedAt: TimeUs | null;
  readonly revokedAt: TimeUs | null;
}

/** The only moment at which the secret can be seen. */
export interface NewToken {
  readonly secret: string;
  readonly token: Token;
}

export interface Tokens {
  /** @throws {RejectedError} `invalid`, or `taken`: a name is given once, so that the audit log stays clear. */
  create(request: TokenRequest, by: string): NewToken;
  /** Newest last, expired and revoked ones included. */
  list(): Token[];
  /** At once, in every process. @throws {RejectedError} `unknown` */
  revoke(name: string, by: string): void;
  /** undefined when the token is unknown, expired or revoked: the caller cannot tell which. */
  authenticate(secret: string): Principal | undefined;
  /** Whether a token that once authenticated is still valid: for connections that stay open. */
  isValid(id: number): boolean;
  /**
   * On the first start, when no token was ever made: an admin of every site, with `preset` as its secret if given.
   * @throws {RejectedError} `invalid`: the preset is too short to be a secret.
   */
  ensureFirst(preset?: string): NewToken | undefined;
}

export const tokenSchema = `
  CREATE TABLE IF NOT EXISTS token (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL, sites TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_used_at INTEGER, revoked_at INTEGER) STRICT;
`;

interface Row {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly sites: string;
  readonly created_at: TimeUs;
  readonly expires_at: TimeUs;
  readonly last_used_at: TimeUs | null;
  readonly revoked_at: TimeUs | null;
}

const dayUs = 86_400_000_000;
const minPresetLength = 32;
/** A synced write per request would be felt; a minute's precision is enough to find tokens nobody uses. */
const lastUseStepUs = 60_000_000;

export function createTokens(db: Database, audit: AuditLog, clock: Pick<Clock, 'now'>): Tokens {
  const insert = db.prepare<[string, Buffer, string, string, TimeUs, TimeUs], Row>(
    'INSERT INTO token (name, hash, role, sites, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING *',
  );
  const all = db.prepare<[], Row>('SELECT * FROM token ORDER BY id');
  const any = db.prepare('SELECT 1 FROM token LIMIT 1');
  const byName = db.prepare<[string], Row>('SELECT * FROM token WHERE name = ?');
  const valid = 'revoked_at IS NULL AND expires_at > ?';
  const byHash = db.prepare<[Buffer, TimeUs], Row>(`SELECT * FROM token WHERE hash = ? AND ${valid}`);
  const byId = db.prepare<[number, TimeUs]>(`SELECT 1 FROM token WHERE id = ? AND ${valid}`);
  const markUsed = db.prepare<[TimeUs, number]>('UPDATE token SET last_used_at = ? WHERE id = ?');
  const markRevoked = db.prepare<[TimeUs, number]>('UPDATE token SET revoked_at = ? WHERE id = ?');

  function add(request: TokenRequest, secret: string, by: string): NewToken {
    const parsed = tokenRequestSchema.safeParse(request);
    if (!parsed.success) throw new RejectedError(z.prettifyError(parsed.error), { reason: 'invalid' });
    const { name, role, sites, days } = parsed.data;
    if (byName.get(name)) {
      throw new RejectedError(`there is or was a token named "${name}": choose another name`, { reason: 'taken' });
    }
    const now = clock.now();
    const row = insert.get(name, hashOf(secret), role, JSON.stringify(sites), now, now + days * dayUs)!;
    audit.append({ who: by, what: 'token.create', object: name, details: { role, sites, days } });
    return { secret, token: toToken(row) };
  }

  const create = db.transaction((request: TokenRequest, by: string) => add(request, newSecret(), by));
  const revoke = db.transaction((name: string, by: string) => {
    const row = byName.get(name);
    if (!row) throw new RejectedError(`there is no token named "${name}"`, { reason: 'unknown' });
    if (row.revoked_at !== null) return;
    markRevoked.run(clock.now(), row.id);
    audit.append({ who: by, what: 'token.revoke', object: name });
  });
  const ensureFirst = db.transaction((preset: string | undefined) => {
    if (any.get()) return undefined;
    if (preset !== undefined && preset.length < minPresetLength) {
      throw new RejectedError(`a preset token needs at least ${minPresetLength} characters`, { reason: 'invalid' });
    }
    return add({ name: 'first-admin', role: 'admin' }, preset ?? newSecret(), 'hub');
  });

  return {
    create: (request, by) => create.immediate(request, by),
    list: () => all.all().map(toToken),
    revoke: (name, by) => revoke.immediate(name, by),
    authenticate(secret) {
      const now = clock.now();
      const row = byHash.get(hashOf(secret), now);
      if (!row) return undefined;
      if (now - (row.last_used_at ?? 0) >= lastUseStepUs) markUsed.run(now, row.id);
      return toPrincipal(row);
    },
    isValid: (id) => byId.get(id, clock.now()) !== undefined,
    ensureFirst: (preset) => ensureFirst.immediate(preset),
  };
}

const newSecret = (): string => `pay_${randomBytes(32).toString('base64url')}`;
const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

const toPrincipal = (row: Row): Principal => ({
  id: row.id,
  name: row.name,
  role: row.role,
  sites: JSON.parse(row.sites) as SiteScope,
  expiresAt: row.expires_at,
});

const toToken = (row: Row): Token => ({
  ...toPrincipal(row),
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at,
  revokedAt: row.revoked_at,
});
