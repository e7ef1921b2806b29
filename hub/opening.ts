/** What a hub opens at its start, and what it does when the machine does not let it. */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../protocols/errors.ts';
import { type OtherLedger, openLedgerReader } from './ledger/open-reader.ts';
import { isWaitedOut } from './ledger/waited-out.ts';

/** A full or failing disk is waited out, as while the hub runs: ending would only make it start again. */
export async function onceTheDiskTakesIt<T>(
  open: () => T,
  log: { error(fields: object, message: string): void },
  stop: AbortSignal,
): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      return open();
    } catch (error) {
      if (!isWaitedOut((error as Error).cause ?? error) || stop.aborted) throw error;
      if (!told) log.error({ err: error }, 'the disk takes nothing; the hub starts as soon as it does');
      await delay(1000, undefined, { signal: stop }).catch(() => {});
    }
  }
}

/** The ledgers of other ingest processes, to be looked into. */
export function openOthers(files: readonly string[]): { readonly ledgers: readonly OtherLedger[] } & Disposable {
  const ledgers = files.map(openLedgerReader);
  return {
    ledgers,
    [Symbol.dispose]() {
      for (const ledger of ledgers) ledger[Symbol.dispose]();
    },
  };
}

export function makeDataDir(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const hint = 'Give the hub a dataDir on a writable disk.';
    throw new ConfigError("the hub's folder cannot be made", { path: dir, hint, cause });
  }
}

export async function listen(
  http: { listen(at: { host: string; port: number }): Promise<string> },
  at: { host: string; port: number },
): Promise<string> {
  try {
    return await http.listen(at);
  } catch (cause) {
    if (!/^(EADDRINUSE|EACCES|EADDRNOTAVAIL|ENOTFOUND)$/.test((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
    throw new ConfigError(`the HTTP port ${at.port} cannot be opened: ${(cause as Error).message}`, {
      path: `${at.host}:${at.port}`,
      hint: 'Stop what listens there, or set http.port (in the demo: PAYESH_HTTP_PORT) to a free one.',
      cause,
    });
  }
}
