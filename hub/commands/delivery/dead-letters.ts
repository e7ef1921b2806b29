/** `payesh-hub dead-letters`: samples that could not be stored, why, and how they are stored after all. */
import { Command, InvalidArgumentError } from 'commander';
import { askHub, type HubAddress } from '../ask-hub.ts';
import { printJson, printTable } from '../table.ts';
import { asked, type StreamJson, streamOf, streamsOf, withProgress } from './asked.ts';

interface DeadLetterJson {
  readonly number: number;
  readonly reason: string;
  readonly tag_id: number;
  readonly path: string | null;
  readonly time: string;
  readonly value: string;
  readonly quality: number;
  readonly flags: number;
  readonly settled_at: string;
}

type Found = DeadLetterJson & { readonly stream: number; readonly agent: string };

/** More is for a file. */
const mostShown = 1000;
const timeoutMs = 600_000;

export function deadLettersCommand(): Command {
  const command = new Command('dead-letters').description('samples that could not be stored, each with its reason');
  const which = ['<stream-or-agent>', 'as "payesh-hub streams" shows it'] as const;

  asked(
    command
      .command('list')
      .description('by reason, and the first of them')
      .argument(...which),
  ).action(async (of, { json, ...hub }) => {
    const letters: Found[] = [];
    const reasons = new Map<string, number>();
    for await (const letter of lettersOf(hub, await streamsOf(hub, of))) {
      if (letters.length < mostShown || json) letters.push(letter);
      reasons.set(letter.reason, (reasons.get(letter.reason) ?? 0) + 1);
    }
    if (json) return printJson(letters);
    if (letters.length === 0) return console.log('No dead letters: every sample that was settled is stored.');
    printTable(
      ['COUNT', 'REASON', 'WHAT TO DO'],
      [...reasons].map(([reason, count]) => [count, reason, adviceFor(reason)]),
    );
    console.log('');
    const rows = letters.map((letter) => [
      letter.stream,
      letter.number,
      letter.path ?? `tag ${letter.tag_id}`,
      letter.time,
      letter.value,
      letter.reason,
    ]);
    printTable(['STREAM', 'NUMBER', 'TAG', 'TIME', 'VALUE', 'REASON'], rows);
    const total = [...reasons.values()].reduce((sum, count) => sum + count, 0);
    if (total > letters.length) console.log(`… and ${total - letters.length} more: "payesh-hub dead-letters export".`);
  });

  asked(
    command
      .command('show')
      .description('one of them, whole')
      .argument(...which)
      .argument('<number>', '', whole),
  ).action(async (of, number, { json, ...hub }) => {
    const stream = await streamOf(hub, of);
    const path = `/streams/${stream.number}/dead-letters?after=${number - 1}&limit=1`;
    const { data } = await askHub<{ data: DeadLetterJson[] }>(hub, path);
    const letter = data[0]?.number === number ? data[0] : undefined;
    if (json) return printJson(letter ?? null);
    if (!letter) return console.log(`Number ${number} is no dead letter of stream ${stream.number}.`);
    printTable(['', ''], [['stream', stream.number], ['agent', stream.agent], ...Object.entries(letter)]);
    console.log(`\n${adviceFor(letter.reason)}`);
  });

  asked(
    command
      .command('export')
      .description('all of them, as lines of JSON or CSV')
      .argument(...which),
  )
    .option('--csv', 'CSV instead of lines of JSON')
    .action(async (of, { csv, json: _, ...hub }) => {
      const streams = await streamsOf(hub, of);
      const columns = ['stream', 'agent', 'number', 'reason', 'tag_id', 'path', 'time', 'value', 'quality', 'flags'];
      if (csv) console.log(columns.join(','));
      let count = 0;
      await withProgress(
        () => `${count} exported`,
        async () => {
          for await (const letter of lettersOf(hub, streams)) {
            count += 1;
            const cells = csv && columns.map((name) => csvCell(letter[name as keyof Found]));
            console.log(csv ? cells.join(',') : JSON.stringify(letter));
          }
        },
      );
    });

  asked(
    command
      .command('replay')
      .description('judge them again, after a fix, and store those that pass')
      .argument('<stream-or-agent>', 'of an agent, its open stream')
      .argument('[numbers...]', 'only these', (text: string, before: number[] = []) => [...before, whole(text)]),
  )
    .requiredOption('--why <text>', 'what was mended; for the audit log')
    .action(async (of, numbers: number[], { json, why, ...hub }) => {
      const { number } = await streamOf(hub, of);
      const body = { why, ...(numbers.length > 0 && { numbers }) };
      const replayed = await withProgress(
        () => 'replaying',
        () =>
          askHub<{ stored: number; remaining: Record<string, number> }>(hub, `/streams/${number}/dead-letters/replay`, {
            method: 'POST',
            body,
            timeoutMs,
          }),
      );
      if (json) return printJson({ stream: number, ...replayed });
      const remaining = Object.entries(replayed.remaining);
      console.log(`${replayed.stored} of stream ${number} are stored now and no longer listed.`);
      if (remaining.length === 0) return console.log('"payesh-hub verify" proves it.');
      printTable(
        ['STILL LISTED', 'REASON', 'WHAT TO DO'],
        remaining.map(([reason, count]) => [count, reason, adviceFor(reason)]),
      );
    });
  return command;
}

function whole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a whole number');
}

async function* lettersOf(hub: HubAddress, streams: readonly StreamJson[]): AsyncGenerator<Found> {
  for (const { number, agent } of streams) {
    for (let after: number | null = 0; after !== null; ) {
      const path: string = `/streams/${number}/dead-letters?after=${after}&limit=1000`;
      const page: { data: DeadLetterJson[]; next_after: number | null } = await askHub(hub, path);
      for (const letter of page.data) yield { stream: number, agent, ...letter };
      after = page.next_after;
    }
  }
}

function adviceFor(reason: string): string {
  if (reason.startsWith('frame:')) return 'The frame could not be read: only its numbers are known. Nothing to replay.';
  if (reason === 'unknown tag') return 'When the agent has announced the tag: payesh-hub dead-letters replay.';
  if (reason.startsWith('not of type'))
    return 'Mend the type at the agent: it gets a new tag. These stay, in the type that was declared.';
  if (reason === 'time out of range') return "Set the device's clock; or let the gateway stamp it. These stay.";
  if (reason.startsWith('store:')) return 'Mend what the store says; then: payesh-hub dead-letters replay.';
  return 'payesh-hub dead-letters replay judges it again.';
}

/** RFC 4180; what a spreadsheet would take for a formula is told apart by a quote before it. */
function csvCell(value: unknown): string {
  const text = String(value ?? '');
  const safe = /^[=+\-@\t\r]/.test(text) && typeof value === 'string' ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
