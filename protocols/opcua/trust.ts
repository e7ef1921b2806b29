/**
 * Which servers' certificates a technician has approved: one file each below `opcua/servers/` of the data folder,
 * `pending/<thumbprint>.json` until it is approved and `trusted/<thumbprint>.json` then. The running agent looks there
 * at every connection, so that approving needs no restart.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { RejectedError } from '../errors.ts';
import { type ServerIdentity, thumbprintOf } from './server-certificate.ts';

export interface KnownServer {
  /** SHA-256 of the certificate (DER), hex: what the technician compares with the server's own. */
  readonly thumbprint: string;
  readonly applicationUri: string;
  readonly subject: string;
  readonly notAfter: Date;
  /** Where it was seen, and when at last. */
  readonly endpoint: string;
  readonly seenAt: Date;
  readonly state: 'pending' | 'trusted';
  readonly trustedBy?: string | undefined;
  readonly trustedAt?: Date | undefined;
}

export interface TrustList {
  /** The newest first. */
  list(): KnownServer[];
  /** Remembers a certificate for the technician's decision; one that is trusted already stays so. */
  keepPending(identity: ServerIdentity, endpoint: string): void;
  /** Colons, spaces and case of the thumbprint do not matter. @throws {RejectedError} when it has not been seen. */
  trust(thumbprint: string, by: string): KnownServer;
  /** It is neither trusted nor pending any more. @throws {RejectedError} when it was not known. */
  forget(thumbprint: string): void;
  /**
   * Whether this very certificate was approved for this server. An approval ends with the certificate; one that is given
   * after that holds, for a technician who saw that it had expired has decided that the thumbprint is enough.
   */
  isTrusted(der: Uint8Array, applicationUri: string): boolean;
}

/** A server that shows another certificate every time fills no disk. */
const maxPending = 50;
/** A server that waits for approval is asked again and again; not each time is worth a write. */
const seenAgainMs = 3_600_000;

const fileSchema = z.object({
  applicationUri: z.string(),
  subject: z.string(),
  notAfter: z.coerce.date(),
  endpoint: z.string(),
  seenAt: z.coerce.date(),
  /** DER in base64, for whoever wants to look into it. */
  certificate: z.string(),
  trustedBy: z.string().optional(),
  trustedAt: z.coerce.date().optional(),
});
type Entry = z.infer<typeof fileSchema>;

export function openTrustList(dataDir: string): TrustList {
  const folder = join(dataDir, 'opcua', 'servers');
  const fileOf = (state: KnownServer['state'], thumbprint: string) => join(folder, state, `${thumbprint}.json`);

  const read = (state: KnownServer['state'], thumbprint: string): Entry | undefined => {
    try {
      return fileSchema.parse(JSON.parse(readFileSync(fileOf(state, thumbprint), 'utf8')));
    } catch {
      // Not there, or not ours: not trusted.
      return undefined;
    }
  };
  const write = (state: KnownServer['state'], thumbprint: string, entry: Entry) => {
    mkdirSync(join(folder, state), { recursive: true, mode: 0o700 });
    const draft = join(folder, state, `.${randomUUID()}`);
    writeFileSync(draft, `${JSON.stringify(entry, undefined, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(draft, fileOf(state, thumbprint));
  };
  const listState = (state: KnownServer['state']): KnownServer[] => {
    const names = readNames(join(folder, state)).filter((name) => name.endsWith('.json'));
    return names.flatMap((name) => {
      const thumbprint = name.slice(0, -'.json'.length);
      const entry = read(state, thumbprint);
      return entry ? [knownServer(thumbprint, state, entry)] : [];
    });
  };

  const isTrusted = (thumbprint: string, applicationUri: string): boolean => {
    const entry = read('trusted', thumbprint);
    if (entry?.applicationUri !== applicationUri || !entry.trustedAt) return false;
    return entry.notAfter.getTime() > Date.now() || entry.trustedAt > entry.notAfter;
  };

  return {
    list: () =>
      [...listState('trusted'), ...listState('pending')].sort((a, b) => b.seenAt.getTime() - a.seenAt.getTime()),
    keepPending({ thumbprint, applicationUri, subject, notAfter, der }, endpoint) {
      if (isTrusted(thumbprint, applicationUri)) return;
      const known = read('pending', thumbprint);
      const seenAt = new Date();
      if (known?.endpoint === endpoint && seenAt.getTime() - known.seenAt.getTime() < seenAgainMs) return;
      const certificate = Buffer.from(der).toString('base64');
      write('pending', thumbprint, { applicationUri, subject, notAfter, endpoint, seenAt, certificate });
      const pending = listState('pending').sort((a, b) => b.seenAt.getTime() - a.seenAt.getTime());
      for (const old of pending.slice(maxPending)) rmSync(fileOf('pending', old.thumbprint), { force: true });
    },
    trust(text, by) {
      const thumbprint = normalise(text);
      const entry = read('pending', thumbprint) ?? read('trusted', thumbprint);
      if (!entry) throw unknown(text);
      const trusted = { ...entry, trustedBy: by, trustedAt: new Date() };
      write('trusted', thumbprint, trusted);
      rmSync(fileOf('pending', thumbprint), { force: true });
      return knownServer(thumbprint, 'trusted', trusted);
    },
    forget(text) {
      const thumbprint = normalise(text);
      const states = (['pending', 'trusted'] as const).filter((state) => read(state, thumbprint));
      if (states.length === 0) throw unknown(text);
      for (const state of states) rmSync(fileOf(state, thumbprint), { force: true });
    },
    isTrusted: (der, applicationUri) => isTrusted(thumbprintOf(der), applicationUri),
  };
}

const knownServer = (thumbprint: string, state: KnownServer['state'], entry: Entry): KnownServer => {
  const { certificate, ...known } = entry;
  return { thumbprint, state, ...known };
};

/** Never a path: whatever is typed becomes hex digits only. */
const normalise = (thumbprint: string): string => thumbprint.toLowerCase().replaceAll(/[^0-9a-f]/g, '');

const unknown = (thumbprint: string): RejectedError =>
  new RejectedError(`no server has shown a certificate with the thumbprint ${thumbprint}`, {
    reason: 'unknown-server',
  });

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
