/** One MQTT connection's life: the broker contract on a real mosquitto, and the client against brokers that misbehave. */
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { writeToStream } from 'mqtt-packet';
import t, { type Test } from 'tap';
import { createMqttUplink } from '../../edge-agent/forward/mqtt-uplink.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { encodeMessage, type HubState, helloSchema, parseMessage } from '../../protocols/messages.ts';
import { connectMqtt, type MqttOptions } from '../../protocols/mqtt/connect.ts';
import { createMqttConnector } from '../../protocols/mqtt/connector.ts';
import { type MqttSession, maxPacketBytes } from '../../protocols/mqtt/session.ts';
import { partitionOf } from '../../protocols/partitions.ts';
import { agentTopic, everyAgentUp, everyHello, hubStateTopic } from '../../protocols/topics.ts';
import { brokerContract, brokerUsers, hub, open, until } from '../contract/broker.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { freePort } from '../support/ports.ts';

t.test('mosquitto with the deployed configuration', async (t) => {
  const program = requireOrSkip(t, 'mosquitto');
  if (!program) return;
  const start = (t: Test) => startMosquitto({ program, folder: t.testdir(), users: brokerUsers });

  t.test('contract of mosquitto', async (t) => brokerContract(t, start));

  t.test('MQTT 5 is spoken, and a denied publish is told', async (t) => {
    await using broker = await start(t);
    await using agent = await open(broker.url, 'agent-1');
    t.equal(agent.protocolVersion, 5);
    await t.rejects(agent.publish(agentTopic('agent-2', 'up/data'), 'x', { qos: 1 }), {
      name: 'ConnectionError',
      message: /denies publishing on payesh.*Not authorized: agent-1 has no right to it in the broker's access list/,
    });
  });

  t.test('when the broker is killed, what is not acknowledged has failed, and a new connection works', async (t) => {
    await using broker = await start(t);
    await using ingest = await open(broker.url, hub, { onMessage: () => delay(60_000, undefined, { ref: false }) });
    await ingest.subscribe([everyAgentUp]);
    const agent = await open(broker.url, 'agent-1');
    await agent.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1 });
    process.kill(broker.pid, 'SIGSTOP');
    const pending = agent.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1 });
    const killed = broker.kill();
    await t.rejects(pending, ConnectionError);
    t.type(await agent.closed, ConnectionError);
    t.type(await ingest.closed, ConnectionError);
    await t.rejects(agent.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1 }), ConnectionError);
    await t.rejects(agent.subscribe(['payesh/v1/hub/state']), ConnectionError);
    await agent[Symbol.asyncDispose]();
    await killed;
    await t.rejects(open(broker.url, 'agent-1'), {
      name: 'ConnectionError',
      message: /failed: .*ECONNREFUSED/,
    });
    await broker.restart();
    await using again = await open(broker.url, 'agent-1');
    await again.publish(agentTopic('agent-1', 'up/data'), 'x', { qos: 1 });
  });

  t.test('a broker that hangs is noticed after 1.5 times the keep-alive', async (t) => {
    await using broker = await start(t);
    const agent = await open(broker.url, 'agent-1', { keepaliveS: 1 });
    process.kill(broker.pid, 'SIGSTOP');
    const started = Date.now();
    t.match(await agent.closed, { name: 'ConnectionError', message: /Keepalive timeout/ });
    t.ok(Date.now() - started < 10_000);
    process.kill(broker.pid, 'SIGCONT');
  });
});

t.test('a broker that closes the connection at MQTT 5 is asked again with 3.1.1', async (t) => {
  const versions: number[] = [];
  await using broker = await fakeBroker((socket, packet) => {
    versions.push(versionOf(packet));
    if (versionOf(packet) === 5) socket.destroy();
    else socket.write(connack);
  });
  await using session = await connect(broker.url);
  t.equal(session.protocolVersion, 4);
  await using _ = await connect(broker.url, { protocolVersion: 4 });
  t.same(versions, [5, 4, 4], 'a caller that knows the version saves a connection');
});

t.test('a version is remembered until a connection fails', async (t) => {
  const versions: number[] = [];
  let away = false;
  await using broker = await fakeBroker(
    (socket, packet) => {
      if (packet[0] !== 0x10) return;
      versions.push(versionOf(packet));
      if (away) socket.end(Buffer.from([0x20, 3, 0, 0x89, 0]));
      else if (versionOf(packet) === 5) socket.destroy();
      else socket.write(connack);
    },
    await freePort(),
  );
  const connectAgain = createMqttConnector({ url: broker.url, username: 'a', clientId: 'a', password: 'x' });
  for (let i = 0; i < 3; i++) await (await connectAgain({}))[Symbol.asyncDispose]();
  t.same(versions, [5, 4, 4, 4]);
  away = true;
  await t.rejects(connectAgain({}), ConnectionError);
  away = false;
  await (await connectAgain({}))[Symbol.asyncDispose]();
  t.same(versions.slice(4), [4, 5, 4], 'it may be another broker by then');
  broker.listens(false);
  await t.rejects(connectAgain({}), { message: /ECONNREFUSED/ });
  broker.listens(true);
  await (await connectAgain({}))[Symbol.asyncDispose]();
  t.same(versions.slice(7), [4], 'where nobody answers nothing is learnt');
});

t.test('an agent follows the hub that owns it with the highest generation, and hears no other', async (t) => {
  const program = requireOrSkip(t, 'mosquitto');
  if (!program) return;
  const users = { ...brokerUsers, 'hub-second': 'another process, another word' };
  const acl = '\nuser hub-second\ntopic write payesh/v1/a/+/down/#\ntopic write payesh/v1/hub/second/state\n';
  await using broker = await startMosquitto({ program, folder: t.testdir(), users, acl });
  await using first = await open(broker.url, hub);
  await using second = await open(broker.url, 'hub-second', { password: users['hub-second'] });
  const partition = partitionOf('agent-1', 8);
  const say = (session: MqttSession, id: string, own: number[], generation: number, online = true) => {
    const state = { online, hubBoot: id, spreadMs: 0, partitions: { of: 8, own }, generation };
    return session.publish(hubStateTopic(id), encodeMessage(state), { qos: 1, retain: true });
  };
  const acknowledge = (session: MqttSession, hubBoot: string) => {
    const ack = { epoch: 'ab'.repeat(16), kind: 'ack', through: 1, window: 1, hubBoot } as const;
    return session.publish(agentTopic('agent-1', 'down/ack'), encodeMessage(ack), { qos: 1 });
  };
  await say(first, 'ingest', [0, 1, 2, 3, 4, 5, 6, 7], 0);
  await say(second, 'second', [(partition + 1) % 8], 9);

  const seen: string[] = [];
  const uplink = createMqttUplink({ url: broker.url, agent: 'agent-1', password: brokerUsers['agent-1']! });
  const handlers = {
    onAck: ({ hubBoot }: { hubBoot: string }) => void seen.push(`ack of ${hubBoot}`),
    onHubState: ({ hubBoot, online }: HubState) => void seen.push(`${hubBoot} ${online ? 'online' : 'offline'}`),
  };
  await using session = await uplink.connect(handlers, AbortSignal.timeout(10_000));
  await until(() => seen.length === 1, 'the owner');
  await say(second, 'second', [partition], 1);
  await until(() => seen.length === 2, 'the partition moves');
  await acknowledge(first, 'ingest');
  await acknowledge(second, 'second');
  await until(() => seen.length === 3, 'an acknowledgement');
  const hellos: string[] = [];
  await using listener = await open(broker.url, hub, {
    onMessage: (_topic, payload) => void hellos.push(String(parseMessage(helloSchema, payload)?.hubBoot)),
  });
  await listener.subscribe([everyHello]);
  await session.hello({
    epoch: 'ab'.repeat(16),
    bootId: 'b',
    minRetained: 1,
    next: 1,
    acked: 0,
    manifestRevision: 1,
    version: '0',
  });
  await until(() => hellos.length === 1, 'hello');
  t.same(hellos, ['second'], 'the hello says whom it means');
  await say(second, 'second', [partition], 1, false);
  await until(() => seen.length === 4, 'back to the first');
  t.same(seen, ['ingest online', 'second online', 'ack of second', 'ingest online']);
});

t.test('what is kept of every length of a packet lies side by side, whatever was sent before', (t) => {
  const payload = Buffer.alloc(2 ** 14);
  const slabs = new Set<ArrayBufferLike>();
  for (let size = 0; size < payload.length - 3; size++) {
    const parts: Uint8Array[] = [];
    const stream = { write: (part: Uint8Array) => parts.push(part) > 0 } as unknown as NodeJS.WritableStream;
    const some = payload.subarray(0, size);
    writeToStream({ cmd: 'publish', topic: 't', payload: some, qos: 0, dup: false, retain: false }, stream);
    slabs.add(parts[1]!.buffer);
    // What a process makes between two packets.
    Buffer.allocUnsafe(1000);
  }
  t.ok(slabs.size <= 8, `${slabs.size} slabs of the pool`);
  const here = createRequire(import.meta.url);
  for (const library of ['mqtt', 'aedes']) {
    const its = createRequire(here.resolve(library)).resolve('mqtt-packet');
    t.equal(its, here.resolve('mqtt-packet'), `${library} writes with it`);
  }
  t.end();
});

t.test('a broker that refuses for another reason is not asked twice', async (t) => {
  let asked = 0;
  await using broker = await fakeBroker((socket) => {
    asked++;
    socket.end(Buffer.from([0x20, 3, 0, 0x89, 0]));
  });
  await t.rejects(connect(broker.url), { name: 'ConnectionError', message: /code 137.*Server busy/ });
  t.equal(asked, 1);
});

t.test('a broker that never answers, or answers nonsense, ends in a ConnectionError', async (t) => {
  await using silent = await fakeBroker(() => {});
  await t.rejects(connect(silent.url, { connectTimeoutMs: 50 }), {
    name: 'ConnectionError',
    message: /connack timeout/,
  });
  await using babbling = await fakeBroker((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await t.rejects(connect(babbling.url), ConnectionError);
  await using doubling = await fakeBroker((socket) => socket.write(Buffer.concat([connack5, connack5])));
  const session = await connect(doubling.url);
  t.type(await session.closed, ConnectionError);
});

t.test('connecting ends with the reason of its signal', async (t) => {
  await using silent = await fakeBroker(() => {});
  const stop = new AbortController();
  const connecting = connect(silent.url, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 20);
  await t.rejects(connecting, { message: 'enough' });
  await t.rejects(connect(silent.url, { signal: stop.signal }), { message: 'enough' });
  await until(() => silent.open() === 0, 'the socket is closed');
});

t.test('a publish without acknowledgement ends by timeout, by signal, or with the connection', async (t) => {
  await using broker = await fakeBroker((socket, packet) => {
    if (packet[0] === 0x10) socket.write(connack5);
  });
  const session = await connect(broker.url, { replyTimeoutMs: 30 });
  await t.rejects(session.publish('a', 'x', { qos: 1 }), { name: 'ConnectionError', message: /within 30 ms/ });
  await t.rejects(session.subscribe(['a']), { name: 'ConnectionError', message: /within 30 ms/ });
  await t.rejects(session.publish('a', 'x', { qos: 1 }, AbortSignal.abort(new Error('enough'))), { message: 'enough' });
  const stop = new AbortController();
  const pending = session.publish('a', 'x', { qos: 1 }, stop.signal);
  stop.abort(new Error('enough'));
  await t.rejects(pending, { message: 'enough' });
  const unanswered = session.publish('a', 'x', { qos: 1 });
  broker.cut();
  await t.rejects(unanswered, ConnectionError);
  await t.rejects(session.publish('a', 'x', { qos: 0 }), ConnectionError);
});

t.test('dispose does not wait for ever for a broker that does not answer, and twice is once', async (t) => {
  await using broker = await fakeBroker((socket, packet) => {
    if (packet[0] === 0x10) socket.write(connack5);
  });
  const session = await connect(broker.url);
  const pending = session.publish('a', 'x', { qos: 1 });
  const started = Date.now();
  await Promise.all([
    t.rejects(pending, ConnectionError),
    session[Symbol.asyncDispose](),
    session[Symbol.asyncDispose](),
  ]);
  t.ok(Date.now() - started < 10_000);
  t.equal(await session.closed, undefined);
});

t.test('a packet that is too large is rejected for good and not sent', async (t) => {
  await using broker = await fakeBroker((socket, packet) => {
    if (packet[0] === 0x10) socket.write(Buffer.from([0x20, 8, 0, 0, 5, 0x27, 0, 0, 4, 0]));
  });
  await using session = await connect(broker.url);
  await t.rejects(session.publish('a', Buffer.alloc(maxPacketBytes), { qos: 1 }), {
    name: 'RejectedError',
    reason: 'length',
  });
  await t.rejects(
    session.publish('a', Buffer.alloc(1024), { qos: 1 }),
    { name: 'RejectedError' },
    'limit of the broker',
  );
  await session.publish('a', Buffer.alloc(900), { qos: 0 });
});

t.test('a handler that throws or rejects ends the connection, and `closed` says why', async (t) => {
  const message = Buffer.from([0x32, 7, 0, 1, 0x61, 0, 1, 0, 0x78]);
  await using broker = await fakeBroker((socket, packet) => {
    if (packet[0] === 0x10) socket.write(Buffer.concat([connack5, message, message]));
  });
  for (const onMessage of [
    () => {
      throw new Error('bug');
    },
    () => Promise.reject(new Error('bug')),
  ]) {
    const session = await connect(broker.url, { onMessage });
    t.match(await session.closed, { message: 'bug' });
  }
});

t.test('a takeover is told as what it is', async (t) => {
  await using broker = await fakeBroker((socket, packet) => {
    if (packet[0] === 0x10) socket.write(Buffer.concat([connack5, Buffer.from([0xe0, 2, 142, 0])]));
  });
  const session = await connect(broker.url);
  t.match(await session.closed, { name: 'ConnectionError', message: /second connection of agent-1/ });
});

const connack = Buffer.from([0x20, 2, 0, 0]);
const connack5 = Buffer.from([0x20, 3, 0, 0, 0]);
const versionOf = (packet: Buffer): number => packet[packet.indexOf('MQTT') + 4]!;

const connect = (url: string, options: Partial<MqttOptions> = {}) =>
  connectMqtt({ url, username: 'agent-1', clientId: 'agent-1', password: 'x', ...options });

interface FakeBroker extends AsyncDisposable {
  readonly url: string;
  open(): number;
  cut(): void;
  /** On the same port. */
  listens(does: boolean): void;
}

/** Hands every chunk that comes to `answer`; small packets come one by one. */
function fakeBroker(answer: (socket: Socket, packet: Buffer) => void, at = 0): Promise<FakeBroker> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (packet) => answer(socket, packet));
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return new Promise((resolve) => {
    server.listen(at, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      resolve({
        url: `mqtt://127.0.0.1:${port}`,
        open: () => sockets.size,
        cut,
        listens: (does) => void (does ? server.listen(port, '127.0.0.1') : server.close()),
        async [Symbol.asyncDispose]() {
          cut();
          await new Promise((done) => server.close(done));
        },
      });
    });
  });
}
