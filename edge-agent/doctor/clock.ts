/** Whether the gateway's clock can be believed: what keeps it right, and how far the hub's clock is from it. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Check, type Finding, good, note, reasonOf, warning } from './check.ts';

const run = promisify(execFile);
const askTimeoutMs = 5000;
/** An HTTP date has whole seconds, and the answer took a while. */
const toleratedMs = 2000;

export const synchronisationCheck = (): Check => ({
  name: (say) => say.names.clock,
  timeoutMs: 2 * askTimeoutMs,
  run: async () => [await findSynchronisation()],
});

async function findSynchronisation(): Promise<Finding> {
  const told = await askTimedatectl();
  if (told === 'yes' || (await isMarkedSynchronised())) return good((say) => say.clockSynchronised());
  return told === 'no' ? warning((say) => say.clockFree()) : note((say) => say.clockUnknown());
}

async function askTimedatectl(): Promise<string | undefined> {
  try {
    const { stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value'], {
      timeout: askTimeoutMs,
    });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** systemd-timesyncd touches it at every synchronisation. */
const isMarkedSynchronised = (): Promise<boolean> =>
  access('/run/systemd/timesync/synchronized').then(
    () => true,
    () => false,
  );

/** Against the hub's `Date:` (RFC 9110 6.6.1). */
export async function findHubOffset(url: string, signal: AbortSignal): Promise<Finding> {
  const began = Date.now();
  let date: number;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]);
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: limit });
    date = Date.parse(response.headers.get('date') ?? '');
  } catch (error) {
    return warning((say) => say.hubSilent(url, reasonOf(error)));
  }
  if (Number.isNaN(date)) return note((say) => say.hubWithoutTime(url));
  const took = Date.now() - began;
  return tellOffset('hub', date + 500 - (began + took / 2), toleratedMs + took);
}

/** `offsetMs` is how far the other clock is ahead of ours; `maxSkewMs` from where on a server's time is not believed. */
export function tellOffset(whose: 'hub' | 'server', offsetMs: number, allowedMs: number, maxSkewMs?: number): Finding {
  if (Math.abs(offsetMs) <= allowedMs) return good((say) => say.clockAgrees(whose));
  return warning((say) => say.clockOff(whose, Math.abs(offsetMs / 1000), offsetMs > 0, maxSkewMs));
}
