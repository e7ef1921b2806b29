/** What the delivery commands share: whom they ask, which streams are meant, and how they say that they are at work. */
import type { Command } from 'commander';
import { ConfigError } from '../../../protocols/errors.ts';
import { askHub, type HubAddress, tokenOption, urlOption } from '../ask-hub.ts';

export interface StreamJson {
  readonly number: number;
  readonly agent: string;
  readonly epoch: string;
  readonly closed_at: string | null;
  readonly accepted: number;
  readonly through: number;
  readonly stored: number;
  readonly dead_letters: number;
  readonly gaps: number;
  readonly lag_samples: number;
  readonly lag_s: number | null;
  readonly last_accepted_at: string | null;
}

export const asked = (command: Command): Command =>
  command.addOption(urlOption()).addOption(tokenOption()).option('--json', 'print JSON');

export const listStreams = async (hub: HubAddress): Promise<readonly StreamJson[]> =>
  (await askHub<{ data: StreamJson[] }>(hub, '/streams')).data;

/** One by its number, or all of an agent. @throws {ConfigError} there is none. */
export async function streamsOf(hub: HubAddress, which: string): Promise<readonly StreamJson[]> {
  const found = (await listStreams(hub)).filter(({ number, agent }) => String(number) === which || agent === which);
  if (found.length > 0) return found;
  throw new ConfigError(`there is no stream and no agent "${which}"`, {
    path: which,
    hint: '"payesh-hub streams" lists what there is.',
  });
}

/** One by its number, or the open one of an agent. */
export async function streamOf(hub: HubAddress, which: string): Promise<StreamJson> {
  const found = await streamsOf(hub, which);
  return found.find(({ closed_at }) => closed_at === null) ?? found.at(-1)!;
}

/** On a terminal, says every second that the work goes on. */
export async function withProgress<T>(what: () => string, work: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work();
  const startedAt = performance.now();
  const timer = setInterval(() => {
    process.stderr.write(`\r\x1b[K${what()}, ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }, 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    process.stderr.write('\r\x1b[K');
  }
}
