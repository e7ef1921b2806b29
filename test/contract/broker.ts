/**
 * What agents and hub rely on in a broker, whichever it is. Runs against the embedded one and a real mosquitto with
 * the deployed configuration: a right that the one gives and the other does not is found here.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type IClientOptions, type MqttClient, connect as openClient } from 'mqtt';
import type { Test } from 'tap';
import { ConnectionError } from '../../protocols/errors.ts';
import { connectMqtt, type MqttOptions } from '../../protocols/mqtt/connect.ts';
import { type MqttSession, maxPacketBytes } from '../../protocols/mqtt/session.ts';
import { agentTopic, everyAgentUp, everyHubState, hubStateTopic as stateTopicOf } from '../../protocols/topics.ts';

export const hub = 'hub-ingest';
/** Password by user name, for whoever sets the broker up. */
export const brokerUsers: Readonly<Record<string, string>> = {
  'agent-1': 'first agent, first word',
  'agent-2': 'second agent, another word',
  [hub]: 'the hub has one as well',
};

export interface BrokerUnderTest extends AsyncDisposable {
  readonly url: string;
}

const hubStateTopic = stateTopicOf('ingest');

interface Listener extends AsyncDisposable {
  readonly session: MqttSession;
  /** `topic: text` of everything that came. */
  readonly seen: readonly string[];
}

const down = (agent: string) => agentTopic(agent, 'down/ack').replace(/ack$/, '#');
const ack = (agent: string) => agentTopic(agent, 'down/ack');

export function open(url: string, user: string, options: Partial<MqttOptions> = {}): Promise<MqttSession> {
  return connectMqtt({ url, username: user, clientId: user, password: brokerUsers[user] ?? '', ...options });
}

async function listen(url: string, user: string, topics: readonly string[]): Promise<Listener> {
  const seen: string[] = [];
  const session = await open(url, user, {
    onMessage: (topic, payload) => {
      seen.push(`${topic}: ${payload}`);
    },
  });
  await session.subscribe(topics);
  return { session, seen, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}

/** The bare library, for what our own client would never do. */
function openRaw(url: string, user: string, options: IClientOptions = {}): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    const login = { username: user, clientId: user, password: brokerUsers[user], reconnectPeriod: 0 };
    const client = openClient(url, { ...login, ...options });
    client.once('connect', () => resolve(client));
    client.once('error', reject);
  });
}

export async function until(condition: () => boolean, what: string, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(5);
  }
}

export function brokerContract(t: Test, startBroker: (t: Test) => Promise<BrokerUnderTest>): void {
  t.test('a wrong password is refused, and the message says so', async (t) => {
    await using broker = await startBroker(t);
    for (const user of ['agent-1', hub]) {
      const refused = open(broker.url, user, { password: 'a guess' });
      await t.rejects(refused, { name: 'ConnectionError', message: `refuses the user ${user}: wrong password` });
    }
  });

  t.test('nobody comes in without a name, with an unknown name, or with a wildcard for a name', async (t) => {
    await using broker = await startBroker(t);
    await t.rejects(openRaw(broker.url, 'agent-1', { username: undefined, password: undefined }));
    for (const user of ['nobody', '+', '#', '']) {
      await t.rejects(open(broker.url, user, { password: brokerUsers['agent-1']! }), ConnectionError, `user "${user}"`);
    }
  });

  t.test('frames go from an agent to the hub whole and in order', async (t) => {
    await using broker = await startBroker(t);
    const received: Buffer[] = [];
    await using ingest = await open(broker.url, hub, {
      onMessage: (_topic, payload) => {
        received.push(payload);
      },
    });
    await ingest.subscribe([everyAgentUp]);
    await using agent = await open(broker.url, 'agent-1');
    const sizes = [1, 0, 200, 70_000, 256 * 1024, ...Array.from({ length: 300 }, (_, i) => i * 37)];
    const sent = sizes.map((size, i) => Buffer.alloc(size, i));
    await Promise.all(sent.map((frame) => agent.publish(agentTopic('agent-1', 'up/data'), frame, { qos: 1 })));
    await until(() => received.length === sent.length, 'all frames arrive');
    t.ok(Buffer.concat(received).equals(Buffer.concat(sent)), 'same bytes in the same order');
  });

  t.test('what a user has a right to publish reaches whom it is for, and no other agent', async (t) => {
    await using broker = await startBroker(t);
    await using ingest = await listen(broker.url, hub, [everyAgentUp, hubStateTopic]);
    await using first = await listen(broker.url, 'agent-1', [down('agent-1'), hubStateTopic]);
    await using second = await listen(broker.url, 'agent-2', [ack('agent-2'), hubStateTopic]);
    for (const leaf of ['up/hello', 'up/manifest', 'up/data'] as const) {
      await first.session.publish(agentTopic('agent-1', leaf), 'up', { qos: 1 });
    }
    await first.session.publish(agentTopic('agent-1', 'up/live'), 'up', { qos: 0 });
    await ingest.session.publish(ack('agent-1'), 'down', { qos: 1 });
    await ingest.session.publish(ack('agent-2'), 'down', { qos: 1 });
    await ingest.session.publish(hubStateTopic, 'state', { qos: 1 });
    await until(
      () => ingest.seen.length === 5 && first.seen.length === 2 && second.seen.length === 2,
      'everything comes',
    );
    const ups = ['up/hello', 'up/manifest', 'up/data', 'up/live'] as const;
    const state = `${hubStateTopic}: state`;
    t.same([...ingest.seen].sort(), [...ups.map((leaf) => `${agentTopic('agent-1', leaf)}: up`), state].sort());
    t.same(first.seen, [`${ack('agent-1')}: down`, state]);
    t.same(second.seen, [`${ack('agent-2')}: down`, state]);
  });

  t.test('what a user has no right to publish reaches nobody', async (t) => {
    await using broker = await startBroker(t);
    await using second = await listen(broker.url, 'agent-2', [down('agent-2'), hubStateTopic]);
    const attempt = async (user: string, topic: string, ownTopics: readonly string[]) => {
      await using publisher = await listen(broker.url, user, ownTopics);
      await publisher.session.publish(topic, 'forbidden', { qos: 1 }).catch((error) => t.type(error, ConnectionError));
      await delay(20);
      return publisher.seen;
    };
    const leaked: string[] = [];
    {
      await using ingest = await listen(broker.url, hub, [everyAgentUp, hubStateTopic]);
      for (const topic of [
        agentTopic('agent-2', 'up/data'),
        ack('agent-2'),
        ack('agent-1'),
        hubStateTopic,
        stateTopicOf('agent-1'),
        'payesh/v1/a/agent-1/sideways/data',
        'payesh/v2/a/agent-1/up/data',
        '$SYS/broker/uptime',
        'elsewhere',
      ]) {
        leaked.push(...(await attempt('agent-1', topic, [down('agent-1'), everyHubState])));
      }
      leaked.push(...ingest.seen);
    }
    for (const topic of [agentTopic('agent-1', 'up/data'), stateTopicOf('other'), 'elsewhere']) {
      leaked.push(...(await attempt(hub, topic, [everyAgentUp, everyHubState])));
    }
    await using ingest = await open(broker.url, hub);
    await ingest.publish(ack('agent-2'), 'permitted', { qos: 1 });
    await until(() => second.seen.length > 0, 'the rightful message');
    t.same([...leaked, ...second.seen], [`${ack('agent-2')}: permitted`]);
  });

  t.test('an agent that subscribes to more than its own gets nothing of it', async (t) => {
    await using broker = await startBroker(t);
    await using first = await listen(broker.url, 'agent-1', [down('agent-1')]);
    for (const filter of [
      '#',
      '+/+/#',
      everyAgentUp,
      'payesh/v1/a/+/down/#',
      down('agent-2'),
      agentTopic('agent-2', 'up/data'),
      '$SYS/#',
    ]) {
      await first.session.subscribe([filter]).catch((error) => t.type(error, ConnectionError, filter));
    }
    await using second = await listen(broker.url, 'agent-2', [down('agent-2')]);
    await using ingest = await listen(broker.url, hub, [everyAgentUp]);
    await second.session.publish(agentTopic('agent-2', 'up/data'), 'secret', { qos: 1 });
    await ingest.session.publish(ack('agent-2'), 'secret', { qos: 1 });
    await until(() => ingest.seen.length === 1 && second.seen.length === 1, 'the rightful ones have it');
    await ingest.session.publish(ack('agent-1'), 'own', { qos: 1 });
    await until(() => first.seen.length > 0, 'its own still comes');
    t.same(first.seen.filter((line) => !line.startsWith('$SYS')).slice(0, 1), [`${ack('agent-1')}: own`]);
    t.notOk(first.seen.some((line) => /secret|\$SYS/.test(line)));
  });

  t.test(
    'the retained state of the hub is there for an agent that comes later, and the will replaces it',
    async (t) => {
      await using broker = await startBroker(t);
      const will = { topic: hubStateTopic, payload: Buffer.from('offline'), qos: 1, retain: true } as const;
      const doomed = await openRaw(broker.url, hub, { will });
      await doomed.publishAsync(hubStateTopic, 'online', { qos: 1, retain: true });
      await using early = await listen(broker.url, 'agent-1', [hubStateTopic]);
      await until(() => early.seen.length === 1, 'retained message');
      doomed.stream.destroy();
      await until(() => early.seen.length === 2, 'will');
      await using late = await listen(broker.url, 'agent-2', [hubStateTopic]);
      await until(() => late.seen.length === 1, 'retained will');
      t.same(
        [...early.seen, ...late.seen],
        ['online', 'offline', 'offline'].map((text) => `${hubStateTopic}: ${text}`),
      );
    },
  );

  t.test('a connection that is disposed of leaves no will', async (t) => {
    await using broker = await startBroker(t);
    const leave = async () => {
      await using session = await open(broker.url, hub, {
        will: { topic: hubStateTopic, payload: 'offline', qos: 1, retain: true },
      });
      await session.publish(hubStateTopic, 'online', { qos: 1, retain: true });
    };
    await leave();
    await using agent = await listen(broker.url, 'agent-1', [hubStateTopic]);
    await until(() => agent.seen.length === 1, 'retained message');
    await delay(50);
    t.same(agent.seen, [`${hubStateTopic}: online`]);
  });

  t.test('a will obeys the rights as well', async (t) => {
    await using broker = await startBroker(t);
    await using ingest = await listen(broker.url, hub, [everyAgentUp, hubStateTopic]);
    await using second = await listen(broker.url, 'agent-2', [down('agent-2'), hubStateTopic]);
    for (const topic of [
      agentTopic('agent-2', 'up/data'),
      ack('agent-2'),
      hubStateTopic,
      agentTopic('agent-1', 'up/live'),
    ]) {
      const client = await openRaw(broker.url, 'agent-1', {
        will: { topic, payload: Buffer.from('last words'), qos: 1 },
      });
      client.stream.destroy();
      await delay(30);
    }
    await until(() => ingest.seen.length > 0, 'the rightful will');
    t.same([...ingest.seen, ...second.seen], [`${agentTopic('agent-1', 'up/live')}: last words`]);
  });

  t.test("a user's second connection ends the first", async (t) => {
    await using broker = await startBroker(t);
    const first = await listen(broker.url, 'agent-1', [down('agent-1')]);
    await using second = await listen(broker.url, 'agent-1', [down('agent-1')]);
    t.type(await first.session.closed, ConnectionError);
    await using ingest = await open(broker.url, hub);
    await ingest.publish(ack('agent-1'), 'for the newer one', { qos: 1 });
    await until(() => second.seen.length === 1, 'the newer one is there');
    t.same(first.seen, []);
  });

  t.test('a packet beyond the limit ends the connection of its sender and reaches nobody', async (t) => {
    await using broker = await startBroker(t);
    await using ingest = await listen(broker.url, hub, [everyAgentUp]);
    const client = await openRaw(broker.url, 'agent-1');
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.publish(agentTopic('agent-1', 'up/data'), Buffer.alloc(maxPacketBytes + 100), { qos: 1 });
    await closed;
    await using again = await open(broker.url, 'agent-1');
    await again.publish(agentTopic('agent-1', 'up/data'), 'small', { qos: 1 });
    await until(() => ingest.seen.length > 0, 'the small one');
    t.same(ingest.seen, [`${agentTopic('agent-1', 'up/data')}: small`]);
  });

  t.test('while the hub holds a message nothing more is read, nothing is lost, and the connection lives', async (t) => {
    await using broker = await startBroker(t);
    const gate = Promise.withResolvers<void>();
    const numbers: number[] = [];
    await using ingest = await open(broker.url, hub, {
      keepaliveS: 2,
      onMessage: (_topic, payload) => {
        numbers.push(payload.readUInt32LE(0));
        return numbers.length === 3 ? gate.promise : undefined;
      },
    });
    await ingest.subscribe([everyAgentUp]);
    await using agent = await open(broker.url, 'agent-1');
    const count = 600;
    const sending = Array.from({ length: count }, (_, i) => {
      const frame = Buffer.alloc(64 * 1024);
      frame.writeUInt32LE(i, 0);
      return agent.publish(agentTopic('agent-1', 'up/data'), frame, { qos: 1 });
    });
    await delay(5000);
    t.equal(numbers.length, 3, 'more than twice the keep-alive later');
    gate.resolve();
    await Promise.all(sending);
    await until(() => numbers.length === count, 'all arrive');
    t.same(
      numbers,
      Array.from({ length: count }, (_, i) => i),
    );
  });
}
