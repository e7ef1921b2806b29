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
  name: 'clock',
  timeoutMs: 2 * askTimeoutMs,
  run: async () => [await findSynchronisation()],
});

async function findSynchronisation(): Promise<Finding> {
  const told = await askTimedatectl();
  if (told === 'yes' || (await isMarkedSynchronised())) return good("the system's clock is synchronised by NTP");
  if (told === 'no') {
    return warning(
      "the system's clock is not synchronised: timestamps drift, and after a power cut they may be hours off",
      'Turn it on: sudo timedatectl set-ntp true',
      'Without Internet name a time server of the plant in /etc/systemd/timesyncd.conf, under NTP=',
    );
  }
  return note(
    'it cannot be found out here whether the clock is synchronised by NTP',
    'In a container the clock is that of the machine: look there.',
  );
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
    return warning(
      `the hub at ${url} does not answer: ${reasonOf(error)}`,
      'Only commissioning needs it; samples go by the broker. Check hub.url and the firewall.',
    );
  }
  if (Number.isNaN(date)) return note(`the hub at ${url} tells no time`);
  const took = Date.now() - began;
  return tellOffset('the hub', date + 500 - (began + took / 2), toleratedMs + took, []);
}

/** `offsetMs` is how far the other clock is ahead of ours. */
export function tellOffset(whose: string, offsetMs: number, allowedMs: number, todo: readonly string[]): Finding {
  const seconds = Math.abs(offsetMs / 1000);
  const far = `${seconds < 120 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`}`;
  if (Math.abs(offsetMs) <= allowedMs) return good(`the clock of ${whose} agrees with this gateway's`);
  return warning(
    `the clock of ${whose} is ${far} ${offsetMs > 0 ? 'ahead of' : 'behind'} this gateway's`,
    'One of the two is wrong: compare both with a watch, and have both synchronised by the same time server.',
    ...todo,
  );
}
