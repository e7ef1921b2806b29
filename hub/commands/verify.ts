/** `payesh-hub verify`: asks a live hub for the proof and says in a sentence what holds. Exit code 0 proved, 2 not proved. */
import { Command } from 'commander';
import { ConfigError } from '../../protocols/errors.ts';
import type { Verification } from '../proof/verify.ts';

const timeoutMs = 600_000;

export const verifyCommand = (): Command =>
  new Command('verify')
    .description('prove that every acknowledged sample is stored exactly once or listed with its reason')
    .option('--url <url>', 'the hub', process.env.PAYESH_URL ?? 'http://127.0.0.1:8080')
    .option('--token <token>', 'of a manager or admin; PAYESH_TOKEN by default', process.env.PAYESH_TOKEN)
    .option('--deep', 'compare every frame with the store, not a selection')
    .option('--json', 'print JSON')
    .action(async ({ url, token, deep, json }) => {
      const proof = await askHub(url, token, deep === true);
      if (json) console.log(JSON.stringify(proof));
      else print(proof);
      if (!proof.ok) process.exitCode = 2;
    });

async function askHub(url: string, token: string | undefined, deep: boolean): Promise<Verification> {
  if (!token) throw new ConfigError('no token', { path: '--token', hint: 'Give --token, or set PAYESH_TOKEN.' });
  const response = await fetch(`${url}/api/v1/verification?deep=${deep}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw new ConfigError('the hub does not answer', {
      path: url,
      hint: 'Is it running? Give its address with --url.',
      cause,
    });
  });
  const body = (await response.json()) as Verification & { title?: string; detail?: string };
  if (response.ok) return body;
  const hint = 'Use the token of a manager or admin: "payesh-hub token create".';
  throw new ConfigError(`the hub refuses: ${body.detail ?? body.title ?? response.status}`, { path: url, hint });
}

function print({ ok, sentence, streams }: Verification): void {
  for (const { agent, epoch, stream, invariants } of streams) {
    console.log(`stream ${stream} of ${agent} (epoch ${epoch.slice(0, 8)})`);
    for (const { id, name, ok: holds, detail } of invariants) {
      console.log(`  ${holds ? 'holds ' : 'BROKEN'}  ${id}  ${name.padEnd(30)} ${detail}`);
    }
  }
  console.log(`${ok ? 'PROVED' : 'NOT PROVED'}: ${sentence}`);
}
