/** `payesh-hub status`: whether a running hub can do its work, and what wants a person. No token: /healthz and /readyz say it to everybody. */
import { Command } from 'commander';
import { ConfigError } from '../../protocols/errors.ts';
import { urlOption } from './ask-hub.ts';
import { printJson } from './table.ts';

interface Status {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
}

const timeoutMs = 10_000;

export const statusCommand = (): Command =>
  new Command('status')
    .description('whether the hub can do its work, and what wants a person')
    .addOption(urlOption())
    .option('--json', 'print JSON')
    .action(async ({ url, json }) => {
      const status = await ask(url);
      if (json) printJson(status);
      else print(status);
      if (!status.ready) process.exitCode = 1;
    });

async function ask(url: string): Promise<Status> {
  const get = async (path: string) => {
    const response = await fetch(url + path, { signal: AbortSignal.timeout(timeoutMs) });
    return (await response.json()) as { reasons?: string[]; warnings?: string[] };
  };
  try {
    const [{ warnings = [] }, { reasons = [] }] = await Promise.all([get('/healthz'), get('/readyz')]);
    return { ready: reasons.length === 0, reasons, warnings };
  } catch (cause) {
    const hint = 'Is it running? Give its address with --url.';
    throw new ConfigError('the hub does not answer', { path: url, hint, cause });
  }
}

function print({ ready, reasons, warnings }: Status): void {
  console.log(ready ? 'Samples are taken in, stored and read.' : 'NOT READY:');
  for (const reason of reasons) console.log(`  ${reason}`);
  if (warnings.length > 0) console.log('WARNINGS:');
  for (const warning of warnings) console.log(`  ${warning}`);
}
