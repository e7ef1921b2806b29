/** The proof itself: what fuzzes and checks must be able to turn red. Short runs of what `npm run chaos` does at length. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { fuzz } from './fuzz.ts';
import { type FuzzTarget, fuzzTargets } from './fuzz-targets.ts';
import { type Bug, bugs, play, type Step, steps } from './model.ts';
import { mutants } from './mutants.ts';

const progress = () => {};

t.test('no decoder that faces a wire crashes, hangs or keeps memory', async (t) => {
  const reports = await fuzz({ targets: fuzzTargets, inputs: 3000, seed: 1, progress });
  for (const [name, { broken, outcomes }] of Object.entries(reports)) {
    t.same(broken, [], name);
    t.ok(Object.keys(outcomes).length > 1, `${name}: some of it gets past the door`);
  }
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
  await fc.assert(holds(), { numRuns: 300 });
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

t.test('every planted bug still finds its place in the sources', (t) => {
  for (const { name, edits } of mutants) {
    for (const { file, search } of edits) {
      const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
      t.equal(source.split(search).length, 2, `${name}: ${file}`);
    }
  }
  t.end();
});
