/** Agents' greetings in the ledger: a hello finds its stream or opens one, and closes the agent's others. */
import type { Database } from 'better-sqlite3';
import type { Hello } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { prepareForget } from './forget.ts';
import type { KnownStreams, Mutable } from './known-streams.ts';
import type { Ledger, Stream } from './ledger.ts';
import { collision, newStream } from './new-stream.ts';
import type { Settling } from './settling.ts';
import { streamNumberOf } from './stream-number.ts';
import type { Unsaved } from './unsaved.ts';

export interface Greeting extends Pick<Ledger, 'greet'> {
  close(stream: Mutable<Stream>, now: TimeUs): void;
}

/** Of each agent. */
const rememberedEmpty = 64;

export function prepareGreeting(
  db: Database,
  { known, settling, later }: { known: KnownStreams; settling: Settling; later: Unsaved['later'] },
): Greeting {
  const insertStream = db.prepare(
    'INSERT OR IGNORE INTO stream (number, agent, epoch, through, expired, inherited) VALUES (:number, :agent, :epoch, :inherited, :inherited, :inherited)',
  );
  const writeHello = db.prepare('UPDATE stream SET hello = ?, hello_at = ?, closed_at = NULL WHERE number = ?');
  const closeStream = db.prepare('UPDATE stream SET closed_at = ? WHERE number = ?');
  const closeGap = db.prepare('INSERT OR IGNORE INTO gap VALUES (?, ?, NULL, ?, ?, NULL, NULL)');
  const reopenGap = db.prepare('DELETE FROM gap WHERE stream = ? AND last IS NULL');
  const insertElsewhere = db.prepare(
    'INSERT INTO elsewhere VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
  );
  const forget = prepareForget(db);

  const close = (stream: Mutable<Stream>, now: TimeUs) => {
    stream.closedAt = now;
    const { number } = stream;
    later(`close ${number}`, () => {
      closeStream.run(now, number);
      const complete = stream.hello?.final && stream.through >= stream.hello.next - 1;
      if (!complete) closeGap.run(number, stream.through + 1, 'closed before it was known to be drained', now);
    });
  };

  /** Epochs that only ever greeted are remembered up to a number: who comes with ever new ones must not fill the disk. */
  const forgetEmpty = (agent: string) => {
    const empty = known
      .all()
      .filter(
        ({ stream, judged }) =>
          stream.agent === agent && stream.closedAt !== null && stream.through === stream.inherited && judged === 0,
      );
    for (const { stream } of empty.slice(0, -rememberedEmpty)) {
      later(`forget ${stream.number}`, () => forget(stream.number));
      known.forget(stream);
    }
  };

  const open = (number: number, agent: string, epoch: string, inherited: number) => {
    forgetEmpty(agent);
    later(`open ${number}`, () => insertStream.run({ number, agent, epoch, inherited }));
    return known.keep(newStream(number, agent, epoch, inherited), 0);
  };

  const greet = (agent: string, hello: Hello, now: TimeUs, inherited = 0): Stream => {
    const { epoch } = hello;
    const found = known.find(agent, epoch);
    const number = found?.stream.number ?? streamNumberOf(agent, epoch);
    if (!found && known.has(number)) throw collision(known.of(number).stream, agent);
    const others = known
      .all()
      .filter((other) => other !== found && other.stream.agent === agent && other.stream.closedAt === null);
    for (const { stream } of others) close(stream, now);
    // Tags are as the open streams say. Who only comes back changes none, and a thousand come back at once.
    if (others.length > 0 || found?.stream.closedAt !== null) known.tags.changed(agent);
    const { stream } = found ?? open(number, agent, epoch, inherited);
    if (inherited > stream.through) {
      const first = stream.through + 1;
      later(`elsewhere ${number}`, () => {
        insertElsewhere.run(number, first, inherited);
        settling.reachOnly(number, inherited);
      });
      stream.through = inherited;
    }
    later(`greet ${number}`, () => {
      reopenGap.run(number);
      writeHello.run(JSON.stringify(hello), now, number);
    });
    return Object.assign(stream, { hello, helloAt: now, closedAt: null });
  };

  return { greet, close };
}
