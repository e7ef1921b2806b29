/** OPC UA by polling: slots, values that stay, and the first reading. */
import { DataType, StatusCodes } from 'node-opcua';
import t from 'tap';
import { ConnectionError } from '../../protocols/errors.ts';
import { flag, quality } from '../../protocols/sample.ts';
import {
  configOf,
  double,
  int32,
  nowUs,
  samplesOf,
  serverOfFile,
  sourceOf,
  tagOf,
  take,
  uri,
} from '../support/opcua-source.ts';
import { undisturbed } from '../support/undisturbed.ts';

t.setTimeout(240_000);
const { opc, port, dataDir } = await serverOfFile(t);
const still = opc.add('still', DataType.Double);
still.setValueFromSource(double(1), StatusCodes.Good, new Date(Date.now() - 3_600_000));
for (const name of ['x', 'y']) opc.add(name, DataType.Int32).setValueFromSource(int32(3));
const poll = { mode: 'poll' };

t.test('polls at whole multiples of the interval, and through is the time of the slot', async (t) => {
  const { source } = sourceOf(
    configOf(port, [tagOf('x', 'int'), tagOf('y', 'int')], { ...poll, samplingIntervalMs: 200 }),
    dataDir,
  );
  const { arrived, readings } = await undisturbed(50, async () => {
    const arrived: number[] = [];
    const readings = await take(source, (readings) => {
      arrived.push(nowUs());
      return readings.length === 6;
    });
    return { arrived, readings };
  });
  for (const [i, { samples, slots, through }] of readings.entries()) {
    t.equal(samples.length, 2);
    t.same(slots, { good: 2, bad: 0, skipped: 0 });
    t.ok(through <= arrived[i]!);
    if (i > 0) {
      t.ok(through > readings[i - 1]!.through);
      t.ok((arrived[i]! / 1000) % 200 < 100, `soon after a whole multiple: ${(arrived[i]! / 1000) % 200} ms`);
    }
  }
});

t.test('every slot of every tag ends as good, bad or skipped, however slow reader and server are', async (t) => {
  const tags = [
    tagOf('x', 'int'),
    tagOf('y', 'string'),
    tagOf('nowhere', 'int'),
    { path: 'a/stray', node: 'nsu=urn:none;s=x', type: 'int' },
  ];
  const { source } = sourceOf(configOf(port, tags, { ...poll, samplingIntervalMs: 100 }), dataDir);
  const begun = nowUs();
  const readings = await take(source, async (readings) => {
    await new Promise((resolve) => setTimeout(resolve, readings.length === 3 ? 730 : 10));
    return readings.length === 10;
  });
  const sum = { good: 0, bad: 0, skipped: 0 };
  for (const { slots } of readings) for (const key of ['good', 'bad', 'skipped'] as const) sum[key] += slots![key];
  t.same([sum.good, sum.bad], [10, 30]);
  const due = Math.floor(nowUs() / 100_000) - Math.floor(begun / 100_000) + 1;
  const all = sum.good + sum.bad + sum.skipped;
  t.ok(sum.skipped >= 4 * 4, 'while nobody took the last slot, the others passed');
  t.ok(all % 4 === 0 && all / 4 <= due && all / 4 >= due - 6, `${all / 4} slots of ${due}`);
  t.ok(samplesOf(readings, 2).every(({ quality: code }) => code === quality.badTypeMismatch));
});

t.test('a value that has not changed keeps its own time', async (t) => {
  const { source } = sourceOf(configOf(port, [tagOf('still')], { ...poll, samplingIntervalMs: 100 }), dataDir);
  let changedAt = 0;
  const readings = await take(source, (readings) => {
    if (readings.length === 3) {
      changedAt = Date.now();
      still.setValueFromSource(double(2), StatusCodes.Good, new Date(changedAt));
    }
    return readings.length === 7;
  });
  const samples = samplesOf(readings, 1);
  t.equal(new Set(samples.slice(0, 3).map(({ time }) => time)).size, 1, 'one instant, however often it is read');
  t.equal(samples[0]!.flags, flag.timeFromGateway, 'older than the session: when it was read first');
  for (const { time, value, flags } of samples.slice(-2))
    t.same([Math.floor(time / 1000), value, flags], [changedAt, 2, 0]);
});

t.test('the first reading of several groups holds every tag; a silent server ends it', async (t) => {
  const config = configOf(
    port,
    [],
    {},
    {
      timeoutMs: 1000,
      groups: [100, 3_600_000].map((samplingIntervalMs, i) => ({
        mode: 'poll',
        samplingIntervalMs,
        tags: [{ path: `a/${i}`, node: `nsu=${uri};s=x`, type: 'int' }],
      })),
    },
  );
  let closed = false;
  const readings = take(sourceOf(config, dataDir).source, (readings) => {
    if (readings.length === 1)
      t.same(
        readings[0]!.samples.map(({ tag }) => tag),
        [1, 2],
      );
    if (readings.length === 3 && !closed) {
      closed = true;
      // Takes requests, and never answers them.
      (opc.server as unknown as Record<string, unknown>)._on_ReadRequest = () => {};
    }
    return false;
  });
  await t.rejects(readings, ConnectionError);
});
