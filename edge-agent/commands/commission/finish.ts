/** The end of a walk: signed, kept in the book, and brought to the hub. A hub that is away gets it with `commission push`. */
import { packageVersion } from '../../../config/version.ts';
import { publicKeyOf, type SignedSheet, verdicts } from '../../../protocols/commissioning.ts';
import { ConnectionError, RejectedError } from '../../../protocols/errors.ts';
import { type HubAccount, pushSheet, sheetsAtHub } from '../../commissioning/hub.ts';
import { commissioningKey } from '../../commissioning/key.ts';
import { sheetsOf } from '../../commissioning/walk.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import type { WalkContext } from './walk-context.ts';

/** Kept first and forgotten after: a crash between the two signs the walk again, and loses none of it. */
export async function signWalk(context: WalkContext): Promise<SignedSheet[]> {
  const { walk, book, loaded, clock } = context;
  const { agent, site, dataDir } = loaded.config;
  const key = commissioningKey(dataDir);
  const { config } = await context.status();
  const about = {
    agent,
    site,
    agentVersion: packageVersion,
    config: { version: config.version, hash: config.hash || loaded.hash },
    publicKey: publicKeyOf(key),
    finishedAt: clock.now(),
  };
  const sheets = sheetsOf(walk, about, key);
  for (const sheet of sheets) book.keep(sheet);
  walk.forget();
  return sheets;
}

export function tellSheet({ hash, sheet }: SignedSheet, terminal: Terminal): void {
  const counts = verdicts
    .map((verdict) => [verdict, sheet.rows.filter((row) => row.verdict === verdict).length] as const)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${count} ${verdict}`);
  terminal.note(`sheet ${hash.slice(0, 12)}: ${counts.join(', ')}`);
}

/** Sends what the hub has not; how many it took. @throws {ConnectionError} away. @throws {RejectedError} refused. */
export async function pushSheets(
  hub: HubAccount,
  agent: string,
  sheets: readonly SignedSheet[],
  signal: AbortSignal,
): Promise<number> {
  const known = await sheetsAtHub(hub, agent, signal);
  const missing = sheets.filter(({ hash }) => !known.has(hash));
  for (const sheet of missing) await pushSheet(hub, sheet, signal);
  return missing.length;
}

/** After a walk: the sheet is safe in the book, so that a hub which is away is no failure of the walk. */
export async function tryPush({ hub, book, loaded, terminal, signal }: WalkContext): Promise<boolean> {
  const later = `Bring it there with "payesh-agent commission push -c ${loaded.file}".`;
  if (!hub) {
    terminal.note(`No hub is configured: the sheet is only here. ${later}`);
    return false;
  }
  try {
    await pushSheets(hub, loaded.config.agent, book.sheets(), signal);
    terminal.note(`The hub at ${hub.url} keeps it.`);
    return true;
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof RejectedError)) throw error;
    terminal.warn(`${error.message}: the sheet is only here. ${later}`);
    return false;
  }
}
