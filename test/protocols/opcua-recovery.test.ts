/** What fails in an OPC UA session is mended at the lowest rung that can, and what nobody saw is told. */
import { join } from 'node:path';
import {
  DataChangeNotification,
  type NotificationMessage,
  type PublishRequest,
  PublishResponse,
  StatusChangeNotification,
  StatusCodes,
} from 'node-opcua-client';
import t, { type Test } from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { createAiling } from '../../protocols/opcua/heal.ts';
import { startPublisher } from '../../protocols/opcua/publisher.ts';
import type { Reading } from '../../protocols/source.ts';
import { startTestServer } from '../support/opcua-server.ts';
import { configOf, type Input, samplesOf, sourceOf, take } from '../support/opcua-source.ts';

t.setTimeout(240_000);
const root = t.testdir({ client: {}, server: {} });
const dataDir = join(root, 'client');
const settled = () => new Promise((resolve) => setImmediate(resolve));

// --- a publisher whose server is the test: requests pile up until the test answers them ---------------------------

function startScript({ silenceMs = 60_000, available = [] as number[] } = {}) {
  type Callback = (error: Error | null, response?: PublishResponse) => void;
  const requests: { request: PublishRequest; callback: Callback }[] = [];
  const republished: number[] = [];
  const failures: Error[] = [];
  const changes = (count = 1) => [
    new DataChangeNotification({ monitoredItems: Array.from({ length: count }, () => ({ clientHandle: 1 })) }),
  ];
  const publisher = startPublisher({
    session: { publish: (request: PublishRequest, callback: Callback) => void requests.push({ request, callback }) },
    async republish(_, sequenceNumber) {
      republished.push(sequenceNumber);
      if (!available.includes(sequenceNumber)) return { status: StatusCodes.BadMessageNotAvailable.value };
      return { result: { sequenceNumber, notificationData: changes() } as unknown as NotificationMessage };
    },
    clock: systemClock,
    sentAfter: () => 0,
    onNews() {},
    onFailure: (error) => void failures.push(error),
  });
  const stream = publisher.follow(5, { silenceMs });
  const answer = async (
    sequenceNumber: number,
    notificationData: NotificationMessage['notificationData'],
    { more = false, subscriptionId = 5 } = {},
  ) => {
    requests.shift()!.callback(
      null,
      new PublishResponse({
        subscriptionId,
        moreNotifications: more,
        notificationMessage: { sequenceNumber, notificationData },
      }),
    );
    await settled();
  };
  const fault = async (message: string) => {
    requests.shift()!.callback(new Error(message));
    await settled();
  };
  t.teardown(() => publisher[Symbol.dispose]());
  return { publisher, stream, requests, republished, failures, answer, fault, changes };
}

t.test('the publisher acknowledges what the reader has kept, not what has merely come', async (t) => {
  const { stream, requests, answer, changes } = startScript();
  t.equal(requests.length, 3);
  await answer(1, changes(2));
  await answer(2, []);
  const messages = stream.take();
  t.match(messages, [{ items: { length: 2 }, sequenceNumber: 1, complete: true }, { items: { length: 0 } }]);
  t.ok(requests.every(({ request }) => request.subscriptionAcknowledgements?.length === 0));
  stream.acknowledge(messages.map(({ sequenceNumber }) => sequenceNumber));
  await answer(2, changes(), { more: true });
  t.match(requests.at(-1)!.request.subscriptionAcknowledgements, [{ subscriptionId: 5, sequenceNumber: 1 }]);
  t.match(stream.take(), [{ complete: false }], 'the server had more to say');
});

t.test('the publisher asks for no more while its reader does not keep up', async (t) => {
  const { stream, requests, answer, changes } = startScript({ silenceMs: 100 });
  for (let number = 1; requests.length > 0; number++) await answer(number, changes(4000));
  await systemClock.sleep(300);
  let held = stream.take().length + stream.take().length;
  t.equal(requests.length, 0, 'and does not take its own silence for that of the server');
  while (requests.length === 0) held += stream.take().length;
  t.equal(requests.length, 3, 'asks again when there is room');
  for (let rest = stream.take(); rest.length > 0; rest = stream.take()) held += rest.length;
  t.equal(held, 7);
  await t.rejects(stream.lost, /nothing came for 100 ms/, 'now the server is silent');
});

t.test('a message that is missing is asked for again, and comes in its place', async (t) => {
  const { stream, republished, answer, changes } = startScript({ available: [2, 3] });
  await answer(1, changes());
  await answer(4, changes());
  t.same(
    stream.take().map(({ sequenceNumber }) => sequenceNumber),
    [1, 2, 3, 4],
  );
  t.same(republished, [2, 3]);
  await answer(4, changes());
  t.same(stream.take(), [], 'one that comes again is not taken again');
  await answer(4, []);
  t.match(stream.take(), [{ sequenceNumber: 0, complete: true }], 'a keep-alive may bear the number of the last one');
  await answer(1, []);
  t.match(stream.take(), [{ complete: false }], 'with any other, it does not say that there was nothing');
  await answer(5, changes());
  t.match(stream.take(), [{ sequenceNumber: 5, complete: true }]);
  const keepAlive = startScript({ available: [2] });
  await keepAlive.answer(1, changes());
  await keepAlive.answer(3, []);
  t.same(
    keepAlive.stream.take().map(({ sequenceNumber }) => sequenceNumber),
    [1, 2, 0],
    'a keep-alive tells of it, too',
  );
});

t.test('numbers begin again at 1, and a server that queues fewer requests gets fewer', async (t) => {
  const { stream, requests, answer, fault, changes } = startScript();
  await fault('BadTooManyPublishRequests');
  t.equal(requests.length, 2);
  await answer(0xffffffff, changes());
  await answer(1, changes());
  t.equal(stream.take().length, 2);
  t.equal(requests.length, 2);
});

t.test('a subscription is lost alone, a session with all of them', async (t) => {
  type Script = ReturnType<typeof startScript>;
  const lost: [string, RegExp, (script: Script) => unknown][] = [
    [
      'a message cannot be had again',
      /1 messages are missing before 3/,
      async ({ answer, changes }) => {
        await answer(1, changes());
        await answer(3, changes());
      },
    ],
    [
      'a keep-alive tells that one is missing, and it cannot be had again',
      /1 messages are missing before 3/,
      async ({ answer, changes }) => {
        await answer(1, changes());
        await answer(3, []);
      },
    ],
    [
      'the numbers begin anew, though nothing is repeated',
      /begin anew at 1/,
      async ({ answer, changes }) => {
        for (const number of [17, 18, 19, 1]) await answer(number, changes());
      },
    ],
    [
      'the server ends it',
      /BadTimeout/,
      ({ answer }) => answer(1, [new StatusChangeNotification({ status: StatusCodes.BadTimeout as never })]),
    ],
    ['the server has none', /BadNoSubscription/, ({ fault }) => fault('BadNoSubscription')],
    ['it is silent', /not even a keep-alive/, () => systemClock.sleep(150)],
  ];
  for (const [name, message, act] of lost) {
    const script = startScript({ silenceMs: name === 'it is silent' ? 100 : 60_000 });
    await act(script);
    await t.rejects(script.stream.lost, { name: 'SubscriptionLost', message }, name);
    t.same(script.failures, []);
  }
  for (const message of ['BadSessionIdInvalid', 'BadSessionClosed', 'Transaction has timed out']) {
    const { failures, fault } = startScript();
    await fault(message);
    t.match(failures, [{ name: 'SessionLost', message: new RegExp(message) }]);
  }
  const { publisher, stream, fault, answer, changes } = startScript();
  const other = publisher.follow(6, { silenceMs: 60_000 });
  await fault('BadNoSubscription');
  await t.rejects(stream.lost);
  await answer(1, changes(), { subscriptionId: 6 });
  t.equal(other.take().length, 1, 'one that was made since is not meant');
});

t.test('what is ill is tried again ever more rarely', async (t) => {
  let now = 0;
  const ailing = createAiling(() => now);
  const item = {} as never;
  ailing.add(item, 1);
  const tries: number[] = [];
  for (; now < 1_000_000; now += 1000) if (ailing.due(now).length > 0) tries.push(now / 1000);
  t.same(tries, [5, 15, 35, 75, 155, 315, 615, 915]);
  ailing.delete(item);
  t.equal(ailing.nextMs, undefined);
});

// --- the source, and a server that fails as told ------------------------------------------------------------------

const nodes = ['one', 'two'].map((name, i) => ({ namespace: 'urn:a', name, base: 10_000 * (i + 1) }));
const tags = nodes.map(({ name }) => ({ path: `a/${name}`, node: `nsu=urn:a;s=${name}`, type: 'int' }));
const startFaulty = () =>
  startTestServer({ port: 0, pkiDir: join(root, 'server'), namespaces: ['urn:a'], nodes, tickMs: 100, onlyNone: true });
type Faulty = Awaited<ReturnType<typeof startFaulty>>;
const sourceAt = ({ endpoint }: Faulty, group: Input = {}) =>
  sourceOf(
    configOf(Number(new URL(endpoint).port), tags, { samplingIntervalMs: 50, ...group }, { timeoutMs: 2000 }),
    dataDir,
  );

/** Does something when it is up, and reads until enough has come after it. */
async function disturb(faulty: Faulty, act: (readings: readonly Reading[]) => void, group?: Input) {
  const { source, warnings } = sourceAt(faulty, group);
  let disturbedAt = 0;
  const readings = await take(source, (readings) => {
    if (readings.length === 5) {
      act(readings);
      disturbedAt = readings.length;
    }
    const since = readings.slice(disturbedAt);
    const resumed = since.findIndex(({ resumed }) => resumed);
    return disturbedAt > 0 && resumed >= 0 && since.length > resumed + 5;
  });
  return { readings, warnings, resumed: readings.findIndex(({ resumed }) => resumed) };
}

/** Between the reading before and this one nothing is known; it holds every tag, and `through` did not run ahead. */
function checkResumed(
  t: Test,
  readings: readonly Reading[],
  at: number,
  warning: RegExp,
  warnings: readonly object[],
): void {
  t.match(warnings, [{ message: warning }]);
  t.same(new Set(readings[at]!.samples.map(({ tag }) => tag)), new Set([1, 2]));
  const before = readings[at - 1]!.through;
  for (const { time, flags } of readings[at]!.samples) t.ok(time > before, `known again after it was not ${flags}`);
  t.equal(readings.filter(({ resumed }) => resumed).length, 1);
  for (const [i, { through }] of readings.entries()) t.ok(i === 0 || through >= readings[i - 1]!.through);
  for (const tag of [1, 2]) {
    const values = samplesOf(readings, tag).map(({ value }) => Number(value));
    t.ok(values.every((value, i) => value >= tag * 10_000 && (i === 0 || value >= values[i - 1]!)));
  }
}

const subscriptionsOf = (faulty: Faulty) => faulty.calls('CreateSubscription');

t.test('a subscription that the server drops is made anew on the same session, and the gap is told', async (t) => {
  await using faulty = await startFaulty();
  const { readings, resumed, warnings } = await disturb(faulty, () => {
    const engine = faulty.server.engine as unknown as {
      _sessions: Record<
        string,
        { deleteSubscription(id: number): void; publishEngine: { subscriptions: { id: number }[] } }
      >;
    };
    for (const session of Object.values(engine._sessions))
      for (const { id } of session.publishEngine.subscriptions) session.deleteSubscription(id);
  });
  checkResumed(t, readings, resumed, /subscription lost/, warnings);
  t.equal(subscriptionsOf(faulty), 2);
  t.equal(faulty.calls('CreateSession'), 1);
});

t.test('notifications that get lost on the way are asked for again: no gap', async (t) => {
  await using faulty = await startFaulty();
  const { source } = sourceAt(faulty);
  const readings = await take(source, (readings) => {
    if (readings.length === 5) faulty.loseNotifications(2);
    return readings.length === 20;
  });
  t.notOk(readings.some(({ resumed }) => resumed));
  t.ok(faulty.calls('Republish') >= 1);
  const values = samplesOf(readings, 1).map(({ value }) => Number(value));
  t.ok(
    values.every((value, i) => i === 0 || value === values[i - 1]! + 1),
    `every value: ${values}`,
  );
});

t.test('and of other faults each has its own mending', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 4;
  t.test('and where the server has them no more, the gap is told', async (t) => {
    await using faulty = await startFaulty();
    const { readings, resumed, warnings } = await disturb(faulty, () => {
      faulty.fault('Republish', 'BadMessageNotAvailable', 1000);
      faulty.loseNotifications(1);
    });
    checkResumed(t, readings, resumed, /subscription lost/, warnings);
    t.equal(faulty.calls('CreateSession'), 1);
    t.ok(
      readings.slice(0, resumed + 1).some(({ lost }) => lost! > 0),
      'and the missing message is counted',
    );
  });

  t.test('and where the server answers that with a fault of the subscription, that one alone is lost', async (t) => {
    await using faulty = await startFaulty();
    const { readings, resumed, warnings } = await disturb(faulty, () => {
      faulty.fault('Republish', 'BadSubscriptionIdInvalid', 1000);
      faulty.loseNotifications(1);
    });
    checkResumed(t, readings, resumed, /subscription lost/, warnings);
    t.equal(faulty.calls('CreateSession'), 1);
  });

  t.test('a session that the server does not know any more is replaced on the same connection', async (t) => {
    for (const status of ['BadSessionIdInvalid', 'BadSessionClosed'] as const) {
      await using faulty = await startFaulty();
      let channels = 0;
      faulty.server.on('newChannel', () => channels++);
      const { readings, resumed, warnings } = await disturb(faulty, () => faulty.fault('Publish', status, 1));
      checkResumed(t, readings, resumed, /session lost/, warnings);
      t.equal(faulty.calls('CreateSession'), 2);
      t.equal(channels, 1);
    }
  });

  t.test('a polled session likewise; a batch that is too much is halved', async (t) => {
    await using faulty = await startFaulty();
    const { readings, resumed } = await disturb(faulty, () => faulty.fault('Read', 'BadSessionIdInvalid', 1), {
      mode: 'poll',
    });
    t.same(new Set(readings[resumed]!.samples.map(({ tag }) => tag)), new Set([1, 2]));
    t.equal(faulty.calls('CreateSession'), 2);

    const { source } = sourceAt(faulty, { mode: 'poll' });
    const halved = await take(source, (readings) => {
      if (readings.length === 2) faulty.fault('Read', 'BadInternalError', 2);
      if (readings.length === 4) faulty.fault('Read', 'BadTooManyOperations', 1);
      return readings.length === 7;
    });
    t.equal(
      halved.reduce((sum, { slots }) => sum + slots!.bad, 0),
      1,
      'halves are borne, and one that is not costs no other',
    );
  });

  t.test('a subscription that says nothing any more, while the session lives, is made anew', async (t) => {
    await using faulty = await startFaulty();
    const server = faulty.server as unknown as Record<string, unknown>;
    const answering = server._on_PublishRequest;
    const { readings, resumed, warnings } = await disturb(faulty, () => {
      server._on_PublishRequest = () => {};
      setTimeout(() => {
        server._on_PublishRequest = answering;
      }, 5500);
    });
    checkResumed(t, readings, resumed, /subscription lost/, warnings);
    t.equal(faulty.calls('CreateSession'), 1);
  });

  t.test(
    'the ladder ends: what is lost again and again becomes another session, and then another connection',
    async (t) => {
      await using faulty = await startFaulty();
      const { source, warnings } = sourceAt(faulty);
      await t.rejects(
        take(source, (readings) => {
          if (readings.length === 3) faulty.fault('Publish', 'BadNoSubscription', 1000);
          return false;
        }),
        ConnectionError,
      );
      t.equal(subscriptionsOf(faulty), 9, 'three on each of three sessions');
      t.equal(faulty.calls('CreateSession'), 3);
      t.equal(warnings.filter(({ message }) => message.startsWith('session lost')).length, 2);
    },
  );
  t.end();
});
