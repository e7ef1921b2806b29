/** The proof itself: what fuzzes and checks must be able to turn red. Short runs of what `npm run chaos` does at length. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sealFrame } from '../../protocols/frame.ts';
import { encodeMessage } from '../../protocols/messages.ts';
import { type AgentTopic, agentTopic } from '../../protocols/topics.ts';
import { fc } from '../support/drawn.ts';
import { fuzz } from './fuzz.ts';
import { type FuzzTarget, fuzzTargets, messageKinds } from './fuzz-targets.ts';
import { watchInFlight } from './in-flight.ts';
import { type Bug, bugs, play, type Step, steps } from './model.ts';
import { mutants } from './mutants.ts';
import { scenarios } from './scenarios.ts';
import { faultNames } from './schedule.ts';

const progress = () => {};

t.test('no decoder that faces a wire crashes, hangs or keeps memory', async (t) => {
  const reports = await fuzz({ targets: fuzzTargets, inputs: 3000, seed: 1, progress });
  for (const [name, { broken, outcomes }] of Object.entries(reports)) {
    t.same(broken, [], name);
    t.ok(Object.keys(outcomes).length > 1, `${name}: some of it gets past the door`);
  }
});

t.test('what is thrown at a message begins from every field that it can have', (t) => {
  for (const { name, schema, examples } of messageKinds) {
    const used = new Set(examples.flatMap((example) => Object.keys(example)));
    t.same(
      Object.keys(schema.shape).filter((field) => !used.has(field)),
      [],
      name,
    );
  }
  t.end();
});

t.test('the fuzzer notices a decoder that crashes, and one that hangs', async (t) => {
  const planted = (name: string, decode: (bytes: Buffer) => string): FuzzTarget => ({
    name,
    input: fuzzTargets[0]!.input,
    decode,
  });
  let calls = 0;
  const hangs = (bytes: Buffer) => {
    if (++calls > 3) for (const until = performance.now() + 110; performance.now() < until; );
    return `${bytes.length}`;
  };
  const crashes = (bytes: Buffer) => {
    if (bytes.length > 100) throw new TypeError('too long for me');
    return 'taken';
  };
  const reports = await fuzz({
    targets: [planted('crashes', crashes), planted('hangs', hangs)],
    inputs: 4,
    seed: 1,
    progress,
  });
  t.match(reports.crashes!.broken[0], /crashes: TypeError: too long for me; input /);
  t.match(reports.hangs!.broken[0], /takes too long; input /);
});

/** Any schedule of faults, by any chance; throws what is broken. */
const holds = (bug?: Bug) =>
  fc.asyncProperty(steps, fc.integer({ min: 1, max: 1e6 }), async (schedule, seed) => {
    const broken = await play(schedule, { seed, bug });
    if (broken) throw new Error(broken);
  });

t.test('whatever is lost, doubled, late or dies at any step: what was accepted is settled exactly once', async (t) => {
  await fc.assert(holds(), { numRuns: 150 });
  t.pass();
});

t.test('a hub that has gone back gets what was acknowledged before and had not been released yet', async (t) => {
  const schedule: Step[] = [
    { do: 'accept', frames: 1, samples: 3 },
    { do: 'crash agent' },
    { do: 'accept', frames: 4, samples: 1 },
    { do: 'wait', ms: 100 },
    { do: 'store restored', percent: 0 },
  ];
  t.equal(await play(schedule), undefined);
});

/** Images are taken in the middle of a history; then, without the other side: set back, started, and new samples. */
function setBackSchedule(what: {
  agent: boolean;
  hub: boolean;
  starts: number;
  before: number;
  after: number;
}): Step[] {
  const accept = (frames: number): Step[] => (frames > 0 ? [{ do: 'accept', frames, samples: 2 }] : []);
  const apart: Step[] = [{ do: 'cut', down: true }];
  const agent: Step[] = what.agent ? [...apart, { do: 'set back', of: 'agent' }] : apart;
  const again = Array.from({ length: what.starts - 1 }, (): Step[] => [{ do: 'crash agent' }, ...accept(what.after)]);
  return [
    ...accept(3),
    { do: 'wait', ms: 3000 },
    ...accept(what.before),
    { do: 'image', of: 'agent' },
    { do: 'image', of: 'hub' },
    { do: 'wait', ms: 3000 },
    ...accept(5),
    { do: 'wait', ms: 3000 },
    ...agent,
    ...(what.hub ? [{ do: 'set back', of: 'hub' } as const] : []),
    ...accept(what.after),
    ...again.flat(),
    { do: 'cut', down: false },
    { do: 'wait', ms: 12_000 },
    ...accept(1),
    { do: 'wait', ms: 3000 },
  ];
}
const setBacks = [true, false].flatMap((agent) =>
  [true, false].flatMap((hub) =>
    [1, 2, 3].flatMap((starts) =>
      [0, 2].flatMap((before) => [0, 2, 9].map((after) => ({ agent, hub, starts, before, after }))),
    ),
  ),
);

t.test('agent, hub or both set back, started once or more, with new samples or none: nothing is lost', async (t) => {
  for (const seed of [1, 2]) {
    for (const one of setBacks) t.equal(await play(setBackSchedule(one), { seed }), undefined, JSON.stringify(one));
  }
});

t.test('numbers that are taken for frames lose what an older image has taken since its second start', async (t) => {
  const bug = 'takes equal numbers for equal frames';
  const one = { agent: true, hub: false, starts: 2, before: 0, after: 9 };
  t.match(await play(setBackSchedule(one), { bug }), /^I1: sample \d+, number \d+, is neither stored nor listed/);
});

for (const bug of bugs) {
  t.test(`the model notices a protocol that ${bug}`, async (t) => {
    const { failed, errorInstance } = await fc.check(holds(bug), { numRuns: 200, endOnFailure: true });
    t.ok(failed);
    t.comment((errorInstance as Error)?.message);
  });
}

t.test('who watches the wire notices a frame too many, and one that goes out unasked', (t) => {
  const epoch = '00112233445566778899aabbccddeeff';
  const start = () => {
    const watch = watchInFlight('a');
    const wire = watch.connected();
    const publish = (leaf: AgentTopic, payload: Uint8Array) => {
      const topic = agentTopic('a', leaf);
      const body = Buffer.concat([Buffer.of(0, topic.length), Buffer.from(topic), payload]);
      const packet = Buffer.concat([Buffer.of(0x30, 0x80 | (body.length & 0x7f), body.length >> 7), body]);
      for (const byte of packet) wire[leaf.startsWith('up/') ? 'leaves' : 'reaches'](Buffer.of(byte));
    };
    const header = { epoch, count: 10, acceptedAt: 1, manifestRevision: 1 };
    const send = (first: number) => publish('up/data', sealFrame({ ...header, first }, Buffer.from('x')));
    const answer = (kind: 'welcome' | 'ack' | 'nack', through: number, window: number) =>
      publish('down/ack', encodeMessage({ epoch, kind, through, window, hubBoot: 'h' }));
    const greeting = { epoch, bootId: 'b', minRetained: 1, next: 99, acked: 0, manifestRevision: 1, version: '0' };
    return { watch, send, answer, greet: () => publish('up/hello', encodeMessage(greeting)) };
  };
  const proper = start();
  proper.greet();
  proper.answer('welcome', 0, 2);
  for (const first of [1, 11]) proper.send(first);
  proper.answer('ack', 10, 2);
  proper.send(21);
  proper.answer('nack', 10, 2);
  for (const first of [11, 21]) proper.send(first);
  t.same(proper.watch.broken, []);
  t.equal(proper.watch.most, 2);
  proper.send(31);
  t.match(proper.watch.broken, ['I11 a: 3 frames under way, where the hub allows 2']);

  const unasked = start();
  unasked.greet();
  unasked.send(1);
  t.match(unasked.watch.broken, ['I11 a: 1 frames under way, where the hub allows 0']);
  t.end();
});

t.test('what the catalogue of faults names is there to be run', (t) => {
  const repository = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const all = (pattern: RegExp, split: RegExp) =>
    [...readme.matchAll(pattern)].flatMap(([, names]) => names!.split(split));
  for (const file of all(/`(test\/[\w./-]+)`/g, / /)) t.ok(existsSync(join(repository, file)), file);
  const played = all(/--scenario ([a-z -]+)`/g, / /).filter((name) => name !== 'all');
  t.same([...new Set(played)].sort(), Object.keys(scenarios).sort(), 'every scenario has its row');
  const inflicted = all(/`chaos`: ((?:`[a-z0-9-]+`(?:, )?)+)/g, /`, `|`(?:, )?/).filter(Boolean);
  t.same([...new Set(inflicted)].sort(), [...faultNames].sort(), 'every fault has its row');
  t.end();
});

t.test('every planted bug still finds its place in the sources', (t) => {
  for (const { name, edits, harmless = [] } of mutants) {
    for (const { file, search } of [...edits, ...harmless]) {
      const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
      t.equal(source.split(search).length, 2, `${name}: ${file}`);
    }
  }
  t.end();
});
