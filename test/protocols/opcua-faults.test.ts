/**
 * What servers do to their clients (delivery.md F34 to F36): every fault ends in values that flow again, and in no value
 * under another tag's name. The runner of these tests is the agent's: it begins anew after a ConnectionError.
 */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { createOpcuaSource } from '../../protocols/opcua/source.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import { isGood, quality, type Sample } from '../../protocols/sample.ts';
import { startOpcuaProcess } from '../support/opcua-process.ts';
import type { TestNode, TestServerOptions } from '../support/opcua-server.ts';

t.setTimeout(180_000);
// They mostly wait, so they run side by side.
t.jobs = 4;
const root = t.testdir();
let folders = 0;
const flowsAgainMs = 30_000;
const [press, oven] = ['urn:plant:press', 'urn:plant:oven'];
const nodes: TestNode[] = [
  { namespace: press, name: 'speed', base: 1000 },
  { namespace: press, name: 'force', base: 2000 },
  { namespace: oven, name: 'speed', base: 3000 },
  { namespace: oven, name: 'heat', base: 4000 },
];
const allTags = [0, 1, 2, 3];
const serverOptions = (): TestServerOptions => ({
  port: 0,
  pkiDir: `${root}/pki-${folders++}`,
  namespaces: [press, oven],
  nodes,
  tickMs: 50,
});

/** Runs a source as the agent does, and remembers what came. */
function run(endpoint: string, dataDir: string, mode: 'subscribe' | 'poll' = 'subscribe') {
  const config = opcuaSourceSchema.parse({
    kind: 'opcua',
    id: 'line',
    endpoint,
    timeoutMs: 2000,
    groups: [
      {
        mode,
        publishingIntervalMs: 100,
        samplingIntervalMs: 100,
        tags: nodes.map(({ namespace, name }, i) => ({
          path: `a/t${i}`,
          node: `nsu=${namespace};s=${name}`,
          type: 'int',
        })),
      },
    ],
  });
  const tagIds = new Map(opcuaTags(config).map(({ path }, i) => [path, i]));
  const warnings: string[] = [];
  const source = createOpcuaSource(config, {
    tagIds,
    declare: async () => new Map(),
    acceptedUntil: () => undefined,
    secret: () => '',
    clock: systemClock,
    dataDir,
    log: { info() {}, warn: (_, message) => warnings.push(message) },
  });
  const stop = new AbortController();
  const samples: Sample[] = [];
  const errors: Error[] = [];
  const work = (async () => {
    while (!stop.signal.aborted) {
      try {
        for await (const reading of source.read(stop.signal)) samples.push(...reading.samples);
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        errors.push(error);
        await delay(1000, undefined, { signal: stop.signal }).catch(() => {});
      }
    }
  })();
  return {
    samples,
    errors,
    warnings,
    /** Milliseconds until every tag of these has had so many further good values. */
    async flows(tags = allTags, count = 3): Promise<number> {
      const start = performance.now();
      const from = samples.length;
      const good = (tag: number) =>
        samples.slice(from).filter((sample) => sample.tag === tag && isGood(sample.quality));
      while (!tags.every((tag) => good(tag).length >= count)) {
        if (performance.now() - start > flowsAgainMs) {
          throw new Error(`values do not flow: ${errors.at(-1)?.message ?? 'no error'}`);
        }
        await Promise.race([delay(20), work]);
      }
      return performance.now() - start;
    },
    /** Values that cannot be of the tag under whose name they came. */
    wrong: () =>
      samples.filter(({ tag, value }) => {
        const { base } = nodes[tag]!;
        return value !== null && !(Number(value) >= base && Number(value) < base + 1000);
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await work;
    },
  };
}

/** The server is approved before anything is tested. */
async function approve(endpoint: string): Promise<string> {
  const dataDir = `${root}/agent-${folders++}`;
  await using running = run(endpoint, dataDir);
  const list = openTrustList(dataDir);
  while (list.list().length === 0) await delay(20);
  for (const { thumbprint } of list.list()) list.trust(thumbprint, 'the test');
  await running.flows();
  return dataDir;
}

t.test(
  'a server that is killed and started again: values flow within 30 s, with its namespaces in another order too',
  async (t) => {
    await using server = await startOpcuaProcess(serverOptions());
    const dataDir = await approve(server.endpoint);
    await using subscribed = run(server.endpoint, dataDir, 'subscribe');
    await using polled = run(server.endpoint, dataDir, 'poll');
    const bothFlow = () => Promise.all([subscribed.flows(allTags, 10), polled.flows(allTags, 10)]);
    await bothFlow();

    await server.kill();
    await delay(500);
    await server.start();
    const [subscribedMs, polledMs] = await bothFlow();
    t.comment(
      `values flow after the restart: subscribed ${subscribedMs.toFixed(0)} ms, polled ${polledMs.toFixed(0)} ms`,
    );
    t.ok(Math.max(subscribedMs, polledMs) < flowsAgainMs);

    await server.kill();
    await server.start({ namespaces: [oven, 'urn:plant:new', press] });
    await bothFlow();
    t.same([...subscribed.wrong(), ...polled.wrong()], [], 'bound by URI, not by index');
  },
);

t.test('a server that hangs is noticed, and values flow when it goes on', async (t) => {
  await using server = await startOpcuaProcess(serverOptions());
  const dataDir = await approve(server.endpoint);
  await using subscribed = run(server.endpoint, dataDir, 'subscribe');
  await using polled = run(server.endpoint, dataDir, 'poll');
  await Promise.all([subscribed.flows(), polled.flows()]);
  server.freeze();
  const start = performance.now();
  for (const { errors } of [subscribed, polled]) {
    while (errors.length === 0 && performance.now() - start < flowsAgainMs) await delay(50);
    t.ok(errors.length > 0);
    t.comment(`noticed after ${(performance.now() - start).toFixed(0)} ms: ${errors[0]?.message}`);
  }
  await delay(4000);
  server.thaw();
  // Late answers to requests that were given up come now.
  const flow = await Promise.all([subscribed.flows(), polled.flows()]);
  t.ok(Math.max(...flow) < flowsAgainMs);
  t.same([...subscribed.wrong(), ...polled.wrong()], []);
});

t.test('faults of services: each has its rung of the ladder, and the connection is kept where it can be', async (t) => {
  await using server = await startOpcuaProcess(serverOptions());
  const dataDir = await approve(server.endpoint);
  await using running = run(server.endpoint, dataDir);
  await running.flows();
  const sessions = () => server.calls('CreateSession');
  const subscriptions = () => server.calls('CreateSubscription');
  const during = async (t: Test, fault: () => Promise<void>) => {
    const before = [await sessions(), await subscriptions(), running.errors.length];
    await fault();
    const ms = await running.flows();
    t.comment(`values flow after ${ms.toFixed(0)} ms`);
    const after = [await sessions(), await subscriptions(), running.errors.length];
    const [newSessions, newSubscriptions, lostConnections] = after.map((count, i) => count - before[i]!);
    return { newSessions, newSubscriptions, lostConnections };
  };

  await t.test('BadSubscriptionIdInvalid: another subscription, the same session', async (t) => {
    const seen = await during(t, () => server.tell('fault', 'Publish', 'BadSubscriptionIdInvalid', 1));
    t.match(seen, { newSessions: 0, newSubscriptions: 1, lostConnections: 0 });
  });
  await t.test('BadSessionIdInvalid: another session, the same connection', async (t) => {
    const seen = await during(t, () => server.tell('fault', 'Publish', 'BadSessionIdInvalid', 1));
    t.match(seen, { newSessions: 1, newSubscriptions: 1, lostConnections: 0 });
  });
  await t.test('BadTooManyPublishRequests: fewer requests, and nothing is lost', async (t) => {
    const seen = await during(t, () => server.tell('fault', 'Publish', 'BadTooManyPublishRequests', 1));
    t.match(seen, { newSessions: 0, newSubscriptions: 0, lostConnections: 0 });
  });
  await t.test('a notification that never came is asked for again', async (t) => {
    const before = await server.calls('Republish');
    const seen = await during(t, () => server.tell('loseNotifications', 1));
    t.match(seen, { newSessions: 0, newSubscriptions: 0, lostConnections: 0 });
    t.ok((await server.calls('Republish')) > before);
  });
  await t.test(
    'BadMessageNotAvailable: what is gone is gone, and another subscription tells every value anew',
    async (t) => {
      await server.tell('fault', 'Republish', 'BadMessageNotAvailable', 10);
      const seen = await during(t, () => server.tell('loseNotifications', 1));
      t.match(seen, { newSessions: 0, newSubscriptions: 1, lostConnections: 0 });
      await server.tell('fault', 'Republish', 'BadMessageNotAvailable', 0);
    },
  );
  t.same(running.wrong(), []);
});

t.test('a node that goes is Bad, and the others flow; a certificate that is renewed waits for approval', async (t) => {
  await using server = await startOpcuaProcess(serverOptions());
  const dataDir = await approve(server.endpoint);
  await using running = run(server.endpoint, dataDir);
  await running.flows();
  await server.tell('removeNode', 'heat');
  await running.flows([0, 1, 2]);
  const last = () => running.samples.findLast(({ tag }) => tag === 3)!;
  for (let waited = 0; last().value !== null && waited < 10_000; waited += 50) await delay(50);
  t.match(last(), { value: null }, 'no old value is kept alive');

  const [{ thumbprint: old }] = openTrustList(dataDir).list() as unknown as [{ thumbprint: string }];
  await server.kill();
  await server.start({ pkiDir: `${root}/pki-renewed` });
  const before = running.samples.length;
  while (!running.errors.some((error) => (error as ConnectionError).code === 'server-not-trusted')) await delay(50);
  await delay(2000);
  t.same(
    running.samples.slice(before).filter(({ quality: code }) => code === quality.good),
    [],
    'nothing is read meanwhile',
  );
  const pending = openTrustList(dataDir)
    .list()
    .find(({ state }) => state === 'pending')!;
  t.not(pending.thumbprint, old);
  openTrustList(dataDir).trust(pending.thumbprint, 'the test');
  t.ok((await running.flows()) < flowsAgainMs, 'approved while the agent runs');
});
