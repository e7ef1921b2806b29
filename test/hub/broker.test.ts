/** The embedded broker: the contract, and what only it promises, mostly about clients that mean harm. */
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as openClient } from 'mqtt';
import t from 'tap';
import { type BrokerOptions, startBroker } from '../../hub/broker.ts';
import { agentTopic, everyAgentUp, everyHubState } from '../../protocols/topics.ts';
import { brokerContract, brokerUsers, hub, open, until } from '../contract/broker.ts';

const start = (options: Partial<BrokerOptions> = {}, warnings: object[] = []) =>
  startBroker({
    port: 0,
    ingestUser: hub,
    authenticate: (user, password) => brokerUsers[user] === password,
    log: { info() {}, warn: (fields) => warnings.push(fields), error: (fields) => warnings.push(fields) },
    ...options,
  });

t.test('contract of the embedded broker', async (t) => brokerContract(t, () => start()));

t.test('a port that is taken is a ConfigError that says what to do', async (t) => {
  await using broker = await start();
  await t.rejects(start({ port: broker.port }), {
    name: 'ConfigError',
    path: `127.0.0.1:${broker.port}`,
    hint: /another port/,
  });
  await t.rejects(start({ host: '192.0.2.1' }), { name: 'ConfigError', hint: /no such address/ });
});

t.test('after dispose the port is free again and the clients know', async (t) => {
  const broker = await start();
  await using agent = await open(broker.url, 'agent-1');
  const silent = connectSocket(broker.port, '127.0.0.1').on('error', () => {});
  await until(() => broker.stats().connections === 2, 'both are there');
  await broker[Symbol.asyncDispose]();
  t.match(await agent.closed, { name: 'ConnectionError' });
  silent.destroy();
  await using next = await start({ port: broker.port });
  t.equal(next.port, broker.port);
});

t.test('passwords may be checked asynchronously, and a failing check lets nobody in', async (t) => {
  const log: object[] = [];
  await using broker = await start(
    {
      authenticate: async (user) => {
        await delay(10);
        if (user === 'agent-2') throw new Error('accounts cannot be read');
        return user === 'agent-1';
      },
    },
    log,
  );
  await using agent = await open(broker.url, 'agent-1');
  await agent.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1 });
  await t.rejects(open(broker.url, 'agent-2'), { name: 'ConnectionError' });
  t.match(log, [{ err: /accounts cannot be read/ }]);
});

t.test('a client id that is not the user name is refused', async (t) => {
  await using broker = await start();
  await t.rejects(open(broker.url, 'agent-1', { clientId: 'agent-2' }), { name: 'ConnectionError' });
  await until(() => broker.stats().faults === 1, 'counted');
});

t.test('a session that would outlive its connection, a retained frame and QoS 2 are refused', async (t) => {
  await using broker = await start();
  const login = { username: 'agent-1', clientId: 'agent-1', password: brokerUsers['agent-1'], reconnectPeriod: 0 };
  const closed = (options: object, then?: (client: ReturnType<typeof openClient>) => void) =>
    new Promise<boolean>((resolve) => {
      const client = openClient(broker.url, { ...login, ...options });
      client.on('close', () => resolve(true)).on('error', () => {});
      client.on('connect', () => (then ? then(client) : client.end(true, () => resolve(false))));
    });
  t.ok(await closed({ clean: false }));
  t.ok(await closed({}, (client) => client.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1, retain: true })));
  t.ok(await closed({}, (client) => client.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 2 })));
  t.ok(await closed({ keepalive: 3600 }), 'and a keep-alive of an hour');
  t.equal(broker.stats().faults, 4);
});

t.test('a stranger cannot make it gather bytes', async (t) => {
  await using broker = await start();
  for (const [name, bytes] of [
    ['a CONNECT of 5 kB', Buffer.concat([Buffer.from([0x10, 0x88, 0x27]), Buffer.alloc(1000)])],
    ['a CONNECT of 256 MB', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])],
    ['a length that never ends', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a PUBLISH before the CONNECT', Buffer.from([0x30, 0x03, 0x00, 0x01, 0x61])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')],
  ] as const) {
    const socket = connectSocket(broker.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
    for (const byte of bytes.subarray(0, 8)) {
      socket.write(Buffer.from([byte]));
      await delay(1);
    }
    if (bytes.length > 8) socket.write(bytes.subarray(8));
    await closed;
    t.pass(name);
  }
  await using agent = await open(broker.url, 'agent-1');
  await agent.publish(agentTopic('agent-1', 'up/data'), Buffer.alloc(300_000), { qos: 1 });
  t.pass('others go on');
});

t.test('connections beyond the limit are refused and counted', async (t) => {
  await using broker = await start({ maxConnections: 1 });
  await using _ = await open(broker.url, 'agent-1');
  await t.rejects(open(broker.url, 'agent-2', { protocolVersion: 4 }), { name: 'ConnectionError' });
  t.match(broker.stats(), { connections: 1, faults: 1 });
});

t.test('an agent that does not read its acknowledgements is cut off, and nobody waits for it', async (t) => {
  await using broker = await start();
  await using ingest = await open(broker.url, hub);
  await using reader = await open(broker.url, 'agent-2');
  await reader.subscribe([agentTopic('agent-2', 'down/ack')]);

  // A proxy whose far side stops reading is what a frozen process looks like.
  await using proxy = await freezableProxy(broker.port);
  const frozen = await open(proxy.url, 'agent-1', { protocolVersion: 4 });
  await frozen.subscribe([agentTopic('agent-1', 'down/ack')]);
  proxy.freeze();
  const started = Date.now();
  const flood = Buffer.alloc(30_000);
  for (let i = 0; i < 600 && broker.stats().faults === 0; i++) {
    await ingest.publish(agentTopic('agent-1', 'down/ack'), flood, { qos: 1 });
  }
  await until(() => broker.stats().faults === 1, 'cut off');
  await ingest.publish(agentTopic('agent-2', 'down/ack'), 'still here', { qos: 1 });
  t.ok(Date.now() - started < 15_000, 'without waiting for a timeout');
  await frozen[Symbol.asyncDispose]();
});

t.test('faults are all counted and not all logged', async (t) => {
  const warnings: object[] = [];
  await using broker = await start({}, warnings);
  await using agent = await open(broker.url, 'agent-1');
  for (let i = 0; i < 20; i++) await agent.subscribe(['#']).catch(() => {});
  t.equal(broker.stats().faults, 20);
  t.match(warnings, [{ reason: 'no right to subscribe to #', client: 'agent-1' }]);
  t.equal(warnings.length, 1);
});

t.test('hundreds of agents at once get their acknowledgements, each its own', async (t) => {
  const ids = Array.from({ length: 200 }, (_, i) => `agent-${i}`);
  await using broker = await start({ authenticate: () => true });
  await using ingest = await open(broker.url, hub, {
    onMessage: (topic, payload) => void ingest.publish(topic.replace('up/data', 'down/ack'), payload, { qos: 1 }),
  });
  await ingest.subscribe([everyAgentUp, everyHubState]);
  await using agents = new AsyncDisposableStack();
  let right = 0;
  const sessions = await Promise.all(
    ids.map(async (id) => {
      const onMessage = (topic: string, payload: Buffer) => {
        if (topic === agentTopic(id, 'down/ack') && payload.toString() === id) right++;
      };
      const session = agents.use(await open(broker.url, id, { onMessage, protocolVersion: 4 }));
      await session.subscribe([agentTopic(id, 'down/ack')]);
      return session;
    }),
  );
  const frames = sessions.flatMap((session, i) =>
    Array.from({ length: 10 }, () => session.publish(agentTopic(ids[i]!, 'up/data'), ids[i]!, { qos: 1 })),
  );
  await Promise.all(frames);
  await until(() => right === 2000, 'every acknowledgement');
  t.equal(broker.stats().faults, 0);
});

interface Proxy extends AsyncDisposable {
  readonly url: string;
  freeze(): void;
}

function freezableProxy(port: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let upstream: Socket | undefined;
  const server = createServer((client) => {
    upstream = connectSocket(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.pipe(upstream).pipe(client);
    upstream.on('close', () => client.destroy());
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({
        url: `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`,
        freeze: () => upstream?.unpipe().pause(),
        async [Symbol.asyncDispose]() {
          for (const socket of sockets) socket.destroy();
          await new Promise((done) => server.close(done));
        },
      });
    });
  });
}
