/** The end of a walk: signed, kept in the book, and brought to the hub. A hub that is away gets it with `commission push`. */
import { packageVersion } from '../../../config/version.ts';
import { publicKeyOf, type SignedSheet, verdicts } from '../../../protocols/commissioning.ts';
import { ConnectionError, RejectedError } from '../../../protocols/errors.ts';
import { type HubAccount, pushSheet, sheetsAtHub } from '../../commissioning/hub.ts';
import { commissioningKey } from '../../commissioning/key.ts';
import { sheetsOf } from '../../commissioning/walk.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import type { HubOptions } from './context.ts';
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

/** What the hub's refusal asks for, by its HTTP status; of one that is away, to come back later. */
export function adviceFor(error: Error, { agent }: { readonly agent: string }): string {
  switch (error instanceof RejectedError ? error.reason : '') {
    case '401':
      return 'The token is wrong or has expired: have a new one made with "payesh-hub token create … --role technician".';
    case '403':
      return 'The token is not a technician\'s for this site: have one made with "payesh-hub token create … --role technician --site …".';
    case '409':
      return `If the gateway or its data folder was replaced, an administrator runs "payesh-hub agent release-key ${agent}" at the hub.`;
    case '422':
      return 'A sheet was changed after it was signed: "payesh-agent commission list" names it. Move it away, and walk anew.';
    default:
      return 'Check the address of the hub, that it runs, and the network between.';
  }
}

/** After a walk: the sheet is safe in the book, so that a hub which is away is no failure of the walk. */
export async function tryPush({ hub, book, loaded, terminal, signal }: WalkContext, given: HubOptions): Promise<void> {
  const { agent } = loaded.config;
  // As this walk was told of the hub, so must the next command be.
  const options = [
    ...(given.hub === undefined ? [] : ['--hub', given.hub]),
    ...(given.tokenFile === undefined ? [] : ['--token-file', given.tokenFile]),
  ];
  const push = (more: readonly string[]) => ['payesh-agent commission push -c', loaded.file, ...more].join(' ');
  if (!hub) {
    terminal.note(
      `No hub is configured: the sheet is only here. Name it in agent.yaml (hub: url and token), then "${push([])}"; ` +
        `or "${push(['--hub', 'http://…', '--token-file', '…'])}".`,
    );
    return;
  }
  try {
    await pushSheets(hub, agent, book.sheets(), signal);
    terminal.note(`The hub at ${hub.url} keeps it.`);
  } catch (error) {
    if (!(error instanceof ConnectionError || error instanceof RejectedError)) throw error;
    terminal.warn(`${error.message}: the sheet is only here. ${adviceFor(error, { agent })} Then "${push(options)}".`);
  }
}
