/** What was missed, from a server's history: each value once, in order, and no further back than was said. */
import { join } from 'node:path';
import { DataType, type HistoryReadResponse, StatusCodes, type UAVariable } from 'node-opcua';
import t from 'tap';
import { flag, type Sample } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';
import { configOf, double, nowUs, samplesOf, serverOfFile, sourceOf, tagOf, take } from '../support/opcua-source.ts';

t.setTimeout(240_000);
const { opc, dataDir } = await serverOfFile(t);
const add = (name: string): UAVariable => {
  const variable = opc.add(name, DataType.Double);
  opc.addressSpace.installHistoricalDataNode(variable, { maxOnlineValues: 20_000 });
  return variable;
};
const a = add('a');
const b = add('b');
opc.add('plain', DataType.Double).setValueFromSource(double(0));
const write = (variable: UAVariable, value: number, at = new Date()) =>
  variable.setValueFromSource(double(value), StatusCodes.Good, at);
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const historical = (readings: readonly Reading[], tag: number): Sample[] =>
  samplesOf(readings, tag).filter(({ flags }) => flags & flag.historical);
const values = (samples: readonly Sample[]) => samples.map(({ value }) => value);
/** Writes so many values a millisecond apart, and says what they were. */
async function missWrites(count: number, from: number, variable = a): Promise<number[]> {
  const start = Date.now() + 5;
  for (let i = 0; i < count; i++) write(variable, from + i, new Date(start + i));
  await later(count + 50);
  return Array.from({ length: count }, (_, i) => from + i);
}

const tags = [tagOf('a'), tagOf('b'), tagOf('plain')];
const group = { history: true };

for (const mode of ['subscribe', 'poll']) {
  t.test(`${mode}: after an outage, what was missed comes from the history, each value once`, async (t) => {
    const config = configOf(opc.port, tags, { ...group, mode, samplingIntervalMs: 20 });
    const { source, warnings } = sourceOf(config, join(dataDir, mode));
    write(a, 1);
    write(b, 1);
    let step = 1;
    const before = await take(source, (readings) => {
      write(a, ++step);
      return samplesOf(readings, 1).length > 5;
    });
    t.equal(historical(before, 1).length, 0, 'before, nothing was missed');
    const known = samplesOf(before, 1);
    const missed = await missWrites(50, 100);
    const after = await take(source, (readings) => {
      if (readings.length > 1) write(a, ++step + 1000);
      return readings.length > 3 && historical(readings, 1).length > 0 && samplesOf(readings, 1).length > 55;
    });
    const filled = historical(after, 1);
    // What was written after the end of the first session and before its end was known belongs to it too.
    const [first] = samplesOf(after, 1);
    t.same(values(filled).slice(-50), missed);
    t.ok(filled.every(({ time }, i) => time > known.at(-1)!.time && (i === 0 || time > filled[i - 1]!.time)));
    t.ok(
      filled.every(({ time }) => time < first!.time),
      'and none that came live',
    );
    const live = samplesOf(after, 1).filter(({ flags }) => !(flags & flag.historical));
    const liveTimes = new Set(live.map(({ time }) => time));
    t.notOk(filled.some(({ time }) => liveTimes.has(time)));
    t.equal(historical(after, 2).length, 0, 'nothing of what did not change');
    const page = after.findIndex(({ samples }) => samples.some(({ flags }) => flags & flag.historical));
    t.ok(page > 0 && after[page]!.through === after[page - 1]!.through, 'through is for what is live');
    t.match(warnings, [{ fields: { path: 'a/plain' }, message: /history cannot be read/ }]);
  });
}

t.test('after a start of the agent, from the time up to which it had accepted values', async (t) => {
  const begun = nowUs();
  await later(20);
  const missed = await missWrites(30, 500);
  const { source } = sourceOf(configOf(opc.port, tags, group), join(dataDir, 'restart'), {
    acceptedUntil: (tag) => (tag === 1 ? begun : undefined),
  });
  const readings = await take(source, (readings) => historical(readings, 1).length >= 30);
  t.same(values(historical(readings, 1)), missed);
});

t.test('of a tag that was found by browsing, and after a subscription that was lost within the session', async (t) => {
  const begun = nowUs();
  await later(20);
  const missed = await missWrites(10, 700);
  const discover = [{ from: '/device', match: 'a', under: 'found' }];
  const { source, ids } = sourceOf(configOf(opc.port, [], { ...group, discover }), join(dataDir, 'found'), {
    acceptedUntil: () => begun,
  });
  const engine = opc.server.engine as unknown as {
    _sessions: Record<
      string,
      { publishEngine: { subscriptions: { id: number }[] }; deleteSubscription(id: number): void }
    >;
  };
  let isLost = false;
  const tag = () => ids.get('found/a')!;
  const readings = await take(source, (readings) => {
    const filled = historical(readings, tag()).length;
    if (filled === 10 && !isLost) {
      isLost = true;
      for (const session of Object.values(engine._sessions)) {
        for (const { id } of session.publishEngine.subscriptions) session.deleteSubscription(id);
      }
      // Nobody watches now; what is there when somebody does again is none of these.
      const now = Date.now();
      for (let i = 0; i < 5; i++) write(a, 800 + i, new Date(now + i));
      write(a, 900, new Date(now + 5));
    }
    return filled >= 15;
  });
  const found = values(historical(readings, tag()));
  t.same(found.slice(0, 10), missed);
  t.same(found.slice(10, 15), [800, 801, 802, 803, 804]);
});

t.test('page by page, with live values in between; what is cut short goes on after the next start', async (t) => {
  const begun = nowUs();
  await later(20);
  const missed = await missWrites(9000, 10_000);
  const dir = join(dataDir, 'pages');
  const config = configOf(opc.port, [tagOf('a')], group);
  const accepted: Sample[] = [];
  const acceptedUntil = () =>
    Math.max(begun, ...accepted.filter(({ flags }) => !(flags & flag.historical)).map(({ time }) => time));
  const pages = (readings: readonly Reading[]) =>
    readings.filter(({ samples }) => samples.some(({ flags }) => flags & flag.historical));

  let step = 0;
  const first = await take(sourceOf(config, dir, { acceptedUntil: () => begun }).source, (readings) => {
    write(a, ++step);
    return pages(readings).length === 1;
  });
  accepted.push(...first.flatMap(({ samples }) => samples));
  t.ok(historical(first, 1).length < 9000);

  const second = await take(sourceOf(config, dir, { acceptedUntil }).source, (readings) => {
    write(a, ++step);
    return historical(readings, 1).length >= 9000 - historical(first, 1).length;
  });
  const all = values([...historical(first, 1), ...historical(second, 1)]).filter((value) => Number(value) >= 10_000);
  t.same(all, missed, 'all, and each once');
  for (const [i, { samples }] of second.entries()) {
    const isPage = samples.some(({ flags }) => flags & flag.historical);
    if (isPage)
      t.notOk(
        second[i - 1]!.samples.some(({ flags }) => flags & flag.historical),
        'never two pages in a row',
      );
    t.ok(samples.length <= 4096);
  }
});

t.test('whatever order a server gives its history in, and how often, each value comes once and in order', async (t) => {
  const begun = nowUs();
  await later(20);
  const missed = await missWrites(40, 3000);
  const server = opc.server as unknown as Record<string, (message: unknown, channel: object) => void>;
  const read = server._on_HistoryReadRequest!;
  server._on_HistoryReadRequest = (message, channel) => {
    const muddling = Object.create(channel);
    muddling.send_response = (type: string, response: HistoryReadResponse, ...rest: unknown[]) => {
      for (const { historyData } of response.results ?? []) {
        const data = historyData as unknown as { dataValues: object[] };
        data.dataValues = data.dataValues.flatMap((value) => [value, value]).reverse();
      }
      (channel as { send_response(...args: unknown[]): void }).send_response(type, response, ...rest);
    };
    read.call(opc.server, message, muddling);
  };
  const { source } = sourceOf(configOf(opc.port, [tagOf('a')], group), join(dataDir, 'muddled'), {
    acceptedUntil: () => begun,
  });
  const readings = await take(source, (readings) => historical(readings, 1).length >= 40);
  server._on_HistoryReadRequest = read;
  t.same(values(historical(readings, 1)), missed);
});

t.test('no longer back than was said, and not at all where the server’s clock is wrong', async (t) => {
  const day = 86_400_000;
  const c = add('c');
  for (const days of [3, 2, 0.5]) write(c, days, new Date(Date.now() - days * day));
  const acceptedUntil = () => (Date.now() - 30 * day) * 1000;
  const dir = (name: string) => join(dataDir, name);
  const ask = (more: object, name: string, tag = 'c') =>
    sourceOf(configOf(opc.port, [tagOf(tag)], { ...group, ...more }), dir(name), { acceptedUntil });
  const recent = await take(ask({ historyDays: 1 }, 'recent').source, (readings) => historical(readings, 1).length > 0);
  t.same(values(historical(recent, 1)), [0.5]);
  const older = await take(ask({}, 'older').source, (readings) => historical(readings, 1).length > 2);
  t.same(values(historical(older, 1)), [3, 2, 0.5]);

  const clock = { speed: 1, now: () => nowUs() + 60e6, sleep: later as never, wallMs: (ms: number) => ms };
  const wrong = sourceOf(configOf(opc.port, [tagOf('c')], group), dir('wrong'), { acceptedUntil, clock });
  await take(wrong.source, (readings) => readings.length > 3);
  t.match(wrong.warnings.at(-1), { message: /clock is not near/ });
});
