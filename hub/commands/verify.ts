/** `payesh-hub verify`: asks a live hub for the proof and says in a sentence what holds. Exit code 0 proved, 2 not proved. */
import { Command } from 'commander';
import { askHub, tokenOption, urlOption } from './ask-hub.ts';
import { withProgress } from './delivery/asked.ts';

/** What the API answers, as far as it is shown. */
interface Verification {
  readonly ok: boolean;
  readonly sentence: string;
  readonly streams: readonly {
    readonly stream: number;
    readonly agent: string;
    readonly epoch: string;
    readonly invariants: readonly { id: string; name: string; ok: boolean; detail: string }[];
  }[];
  readonly doubles: {
    readonly count: number;
    readonly listed: readonly { tag: string; time: string; places: readonly { stream: number; number: number }[] }[];
  };
}

const timeoutMs = 600_000;
const shownDoubles = 20;

export const verifyCommand = (): Command =>
  new Command('verify')
    .description('prove that every acknowledged sample is stored exactly once or listed with its reason')
    .addOption(urlOption())
    .addOption(tokenOption())
    .option('--deep', 'compare every frame with the store, not a selection')
    .option('--json', 'print JSON')
    .action(async ({ url, token, deep = false, json }) => {
      const proof = await withProgress(
        () => 'the hub counts what is stored',
        () => askHub<Verification>({ url, token }, `/verification?deep=${deep}`, { timeoutMs }),
      );
      if (json) console.log(JSON.stringify(proof));
      else print(proof);
      if (!proof.ok) process.exitCode = 2;
    });

function print({ ok, sentence, streams, doubles }: Verification): void {
  for (const { agent, epoch, stream, invariants } of streams) {
    console.log(`stream ${stream} of ${agent} (epoch ${epoch.slice(0, 8)})`);
    for (const { id, name, ok: holds, detail } of invariants) {
      console.log(`  ${holds ? 'holds ' : 'BROKEN'}  ${id}  ${name.padEnd(30)} ${detail}`);
    }
  }
  for (const { tag, time, places } of doubles.listed.slice(0, shownDoubles)) {
    const where = places.map(({ stream, number }) => `number ${number} of stream ${stream}`).join(' and ');
    console.log(`double  ${tag} at ${time}: ${where}`);
  }
  if (doubles.count > shownDoubles) console.log(`doubles: ${doubles.count} in all; --json lists the first thousand`);
  console.log(`${ok ? 'PROVED' : 'NOT PROVED'}: ${sentence}`);
}
