/** What every Buffer promises; run for each implementation. */
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import type { Buffer as AcceptedBuffer, Batch, Keep } from '../../edge-agent/buffer/buffer.ts';
import { fingerprintOf } from '../../protocols/fingerprint.ts';
import { decodePayload, encodePayload, openFrame, toColumns } from '../../protocols/frame.ts';
import { fc } from '../support/drawn.ts';

/** `count` samples, appended to a new buffer as number `first` and on. */
export const batchOf = (count: number, first: number, keep: Keep = 'normal'): Batch => ({
  after: first - 1,
  chunks: [{ keep, count, payload: payloadOf(count, first) }],
  acceptedAt: 1_790_000_000_000_000,
  manifestRevision: 1,
});

const payloadOf = (count: number, first: number) =>
  encodePayload(
    toColumns(
      Array.from({ length: count }, (_, i) => ({
        tag: 1 + (i % 7),
        time: 1_790_000_000_000_000 + (first - 1 + i) * 1000,
        value: first - 1 + i,
        quality: 0,
        flags: 0,
      })),
    ),
  );

const site = 'demo/site';
const declare = (path: string, type: 'int' | 'float') =>
  ({ path, type, unit: '', role: 'process', source: 'plc', intervalMs: 1000 }) as const;
const everything = { frames: 1000, bytes: 1e9 };

export function bufferContract(t: Test, name: string, open: () => Promise<AcceptedBuffer>, schedules = 40): void {
  t.test(`${name}: numbers samples from 1 without a hole and gives back the very frames`, async (t) => {
    await using buffer = await open();
    await buffer.append(batchOf(3, 1));
    await buffer.append(batchOf(5, 4));
    t.match(buffer.state(), { next: 9, acked: 0, minRetained: 1, frames: 2 });
    const frames = await buffer.peek(0, everything);
    t.same(
      frames.map(({ first, last }) => [first, last]),
      [
        [1, 3],
        [4, 8],
      ],
    );
    const { header, payload } = openFrame(frames[1]!.bytes);
    t.match(header, { epoch: buffer.state().epoch, first: 4, count: 5, manifestRevision: 1 });
    t.same(decodePayload(header, payload).samples.values, [3, 4, 5, 6, 7]);
  });

  t.test(`${name}: refuses a chunk that does not follow, so that order survives a failure`, async (t) => {
    await using buffer = await open();
    await t.rejects(buffer.append(batchOf(3, 2)), /cannot follow 0/);
    await buffer.append(batchOf(3, 1));
    await t.rejects(buffer.append(batchOf(3, 1)), /cannot follow 3/);
    t.equal(buffer.state().next, 4);
  });

  t.test(`${name}: peeks after a number, within limits, one frame at least`, async (t) => {
    await using buffer = await open();
    for (let i = 0; i < 4; i++) await buffer.append(batchOf(10, 1 + i * 10));
    const firsts = async (after: number, frames: number, bytes = 1e9) =>
      (await buffer.peek(after, { frames, bytes })).map(({ first }) => first);
    t.same(await firsts(0, 2), [1, 11]);
    t.same(await firsts(10, 2), [11, 21]);
    t.same(await firsts(15, 2), [11, 21], 'the frame that holds the next number');
    t.same(await firsts(40, 2), []);
    t.same(await firsts(0, 9, 1), [1]);
  });

  t.test(`${name}: releases only whole frames up to an acknowledged number, and never falls back`, async (t) => {
    await using buffer = await open();
    for (let i = 0; i < 4; i++) await buffer.append(batchOf(10, 1 + i * 10));
    await buffer.release(25);
    t.match(buffer.state(), { acked: 25, minRetained: 21, frames: 2, next: 41 });
    await buffer.release(10);
    t.match(buffer.state(), { acked: 25, minRetained: 21 });
    await buffer.release(41);
    t.match(buffer.state(), { acked: 25, minRetained: 21 }, 'a number that was never given');
    await buffer.release(40);
    t.match(buffer.state(), { acked: 40, minRetained: 41, frames: 0, next: 41 });
    await buffer.append(batchOf(1, 41));
    t.equal(buffer.state().next, 42, 'numbers go on after everything is released');
  });

  t.test(`${name}: names the frames that hold some numbers, as whoever has got them would`, async (t) => {
    await using buffer = await open();
    for (let i = 0; i < 4; i++) await buffer.append(batchOf(10, 1 + i * 10));
    const sent = (await buffer.peek(0, everything)).map(({ bytes }) => fingerprintOf(bytes));
    t.same(await buffer.fingerprints([1, 15, 20, 40, 41, 99]), [sent[0], sent[1], sent[3]]);
    await buffer.release(20);
    t.same(await buffer.fingerprints([1, 21]), [sent[2]], 'of what is kept');
    await buffer.renew(30);
    t.same(await buffer.outgoing().fingerprints([1]), [{ ...sent[3], last: 10 }], 'in a new epoch, the same samples');
  });

  t.test(`${name}: gives a tag one id for ever, and a new one when its type changes`, async (t) => {
    await using buffer = await open();
    const one = await buffer.register([declare('a', 'int'), declare('b', 'int')], site);
    t.equal(one.revision, 1);
    t.equal(
      (await buffer.register([declare('b', 'int'), declare('a', 'int')], site)).revision,
      1,
      'order is no change',
    );
    const two = await buffer.register([declare('a', 'float'), declare('b', 'int')], site);
    t.equal(two.revision, 2);
    t.equal(two.idByPath.get('b'), one.idByPath.get('b'));
    t.not(two.idByPath.get('a'), one.idByPath.get('a'));
    t.same(
      two.tags.filter((tag) => tag.retired).map((tag) => tag.id),
      [one.idByPath.get('a')],
      'the old tag stays in the manifest for older frames',
    );
    const back = await buffer.register([declare('a', 'int'), declare('b', 'int')], site);
    t.equal(back.idByPath.get('a'), one.idByPath.get('a'), 'the old declaration has its old id');
  });

  t.test(`${name}: another site is another manifest, of the same tags`, async (t) => {
    await using buffer = await open();
    const one = await buffer.register([declare('a', 'int')], 'demo/one');
    t.match(one, { revision: 1, site: 'demo/one' });
    t.match(await buffer.register([declare('a', 'int')], 'demo/two'), {
      revision: 2,
      site: 'demo/two',
      tags: one.tags,
    });
    t.match(await buffer.register([declare('a', 'int')], 'demo/two'), { revision: 2 });
  });

  t.test(`${name}: a manifest that is too large to be sent is refused, and nothing is registered`, async (t) => {
    await using buffer = await open();
    const one = await buffer.register([declare('a', 'int')], site);
    const noise = () => randomBytes(60).toString('hex');
    const many = Array.from({ length: 12_000 }, () => declare(noise(), 'int'));
    await t.rejects(buffer.register(many, site), { name: 'ConfigError', message: /too many for one agent/ });
    t.match(await buffer.register([declare('a', 'int')], site), { revision: 1, tags: one.tags });
    t.equal((await buffer.register([declare('a', 'int')], site)).tags.length, 1);
  });

  t.test(`${name}: keeps the newest accepted time of a tag with its chunk, and never an older one`, async (t) => {
    await using buffer = await open();
    t.equal(buffer.acceptedUntil(1), undefined);
    await buffer.append({
      ...batchOf(3, 1),
      watermarks: [
        [1, 500],
        [2, 700],
      ],
    });
    await buffer.append({ ...batchOf(3, 4), watermarks: [[1, 400]] });
    await t.rejects(buffer.append({ ...batchOf(3, 4), watermarks: [[2, 900]] }), 'a chunk that was not accepted');
    t.same([buffer.acceptedUntil(1), buffer.acceptedUntil(2)], [500, 700]);
  });

  t.test(`${name}: does what a list would do, in any order of calls`, async (t) => {
    const step = fc.oneof(
      fc.record({ verb: fc.constant('append' as const), count: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ verb: fc.constant('release' as const), count: fc.integer({ min: 0, max: 300 }) }),
      fc.record({ verb: fc.constant('peek' as const), count: fc.integer({ min: 0, max: 300 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        await using buffer = await open();
        let frames: [number, number][] = [];
        let next = 1;
        let acked = 0;
        for (const { verb, count } of steps) {
          if (verb === 'append') {
            await buffer.append(batchOf(count, next));
            frames.push([next, next + count - 1]);
            next += count;
          } else if (verb === 'release') {
            await buffer.release(count);
            if (count > acked && count < next) {
              acked = count;
              frames = frames.filter(([, last]) => last > acked);
            }
          } else {
            const expected = frames.filter(([, last]) => last > count);
            const found = (await buffer.peek(count, everything)).map(({ first, last }): [number, number] => [
              first,
              last,
            ]);
            if (JSON.stringify(found) !== JSON.stringify(expected))
              throw new Error(`${JSON.stringify({ found, expected })}`);
          }
          const state = buffer.state();
          if (state.next !== next || state.acked !== acked || state.minRetained !== (frames[0]?.[0] ?? next)) {
            throw new Error(JSON.stringify({ state, next, acked, frames }));
          }
        }
      }),
      { numRuns: schedules },
    );
    t.pass(`${schedules} random schedules`);
  });
}
