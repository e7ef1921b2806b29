import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  DataType,
  DataValue,
  type DataValueOptions,
  OPCUACertificateManager,
  OPCUAServer,
  StatusCodes,
  type UAVariable,
  VariantArrayType,
} from 'node-opcua';
import {
  DataChangeNotification,
  type NotificationMessage,
  type PublishRequest,
  PublishResponse,
  StatusChangeNotification,
} from 'node-opcua-client';
import t from 'tap';
import { parse } from 'yaml';
import { createScaledClock, systemClock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError } from '../../protocols/errors.ts';
import { type OpcuaConfig, opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { parseNode } from '../../protocols/opcua/node.ts';
import { startPublisher } from '../../protocols/opcua/publisher.ts';
import { createOpcuaSource } from '../../protocols/opcua/source.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import { timeOf } from '../../protocols/opcua/time.ts';
import { measuredOf } from '../../protocols/opcua/value.ts';
import { flag, quality, type Sample } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';
import { sourceContract } from '../contract/source.ts';

type Input = Record<string, unknown>;
const root = t.testdir({ client: {}, server: {} });
const dataDir = join(root, 'client');
const uri = 'urn:payesh:test';

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const security = { mode: 'none', waiver: { reason: 'a server of the test, on loopback', expires: inDays(30) } };

const configOf = (port: number, tags: readonly Input[], more: Input = {}): OpcuaConfig =>
  opcuaSourceSchema.parse({
    kind: 'opcua',
    id: 'line',
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    security,
    tags,
    ...more,
  });

function sourceOf(config: OpcuaConfig, clock = systemClock): Source {
  const tagIds = new Map(opcuaTags(config).map(({ path }, i) => [path, i + 1]));
  return createOpcuaSource(config, { tagIds, clock, dataDir, log: { info() {}, warn() {} } });
}

// --- what is pure -------------------------------------------------------------------------------------------------

t.test('a node names its namespace by URI, whatever the identifier', async (t) => {
  const cases: [string, [string, string] | undefined][] = [
    ['nsu=urn:a;s=line.1', ['urn:a', 's=line.1']],
    ['nsu=http://x.org/a?b=c;i=2258', ['http://x.org/a?b=c', 'i=2258']],
    ['nsu=urn:a;s=ns=2;i=5', ['urn:a', 's=ns=2;i=5']],
    ['nsu=urn:100%25%3Bb;s=x', ['urn:100%;b', 's=x']],
    ['nsu=urn:a;g=09087e75-8e5e-499b-954f-f2a9603db28a', ['urn:a', 'g=09087e75-8e5e-499b-954f-f2a9603db28a']],
    ['nsu=urn:a;b=M/RbKBsRVkePCePcx24oRA==', ['urn:a', 'b=M/RbKBsRVkePCePcx24oRA==']],
    ['ns=2;s=line.1', undefined],
    ['s=line.1', undefined],
    ['nsu=urn:a;i=4294967296', undefined],
    ['nsu=urn:a;i=-1', undefined],
    ['nsu=urn:a;g=09087e75', undefined],
    ['nsu=urn:a;s=', undefined],
    ['nsu=;s=x', undefined],
  ];
  for (const [text, expected] of cases) {
    const node = parseNode(text);
    t.same(node && [node.namespaceUri, node.identifier], expected, text);
  }
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (namespaceUri, id) => {
      const escaped = namespaceUri.replaceAll('%', '%25').replaceAll(';', '%3B');
      const node = parseNode(`nsu=${escaped};s=${id}`);
      return node?.namespaceUri === namespaceUri && node.identifier === `s=${id}`;
    }),
  );
});

t.test('the configuration tells what is wrong where', async (t) => {
  const tag = { path: 'a/b', node: 'nsu=urn:a;s=b', type: 'int' };
  const waiver = security.waiver;
  const mistakes: [Input, string, RegExp][] = [
    [{ security: { mode: 'none' } }, 'security.waiver', /needs a waiver/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: inDays(-2) } } }, 'security.waiver.expires', /expired/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: inDays(400) } } }, 'security.waiver.expires', /a year/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: 'soon' } } }, 'security.waiver.expires', /YYYY-MM-DD/],
    [{ security: { mode: 'none', waiver: { ...waiver, reason: 'old' } } }, 'security.waiver.reason', /say why/],
    [{ security: { mode: 'sign' } }, 'security.mode', /Invalid/],
    [{ endpoint: 'http://plc:4840' }, 'endpoint', /opc\.tcp/],
    [{ endpoint: 'opc.tcp://user:secret@plc:4840' }, 'endpoint', /without user/],
    [{ tags: [{ ...tag, node: 'ns=2;s=b' }] }, 'tags.0.node', /by URI/],
    [{ tags: [{ ...tag, node: 'b' }] }, 'tags.0.node', /must be nsu=/],
    [{ tags: [tag, tag] }, 'tags.1.path', /"a\/b" is there twice/],
    [{ tags: [{ ...tag, type: 'double' }] }, 'tags.0.type', /Invalid/],
  ];
  for (const [more, path, message] of mistakes) {
    const input = { kind: 'opcua', id: 'x', endpoint: 'opc.tcp://plc:4840', security, tags: [tag], ...more };
    const issue = opcuaSourceSchema.safeParse(input).error?.issues[0];
    t.equal(issue?.path.join('.'), path);
    t.match(issue?.message, message);
  }
  for (const days of [0, 365]) {
    const input = { ...security, waiver: { ...waiver, expires: inDays(days) } };
    t.ok(configOf(4840, [tag], { security: input }), `a waiver of ${days} days`);
  }
  t.same(
    opcuaTags(configOf(4840, [tag, { ...tag, path: 'a/c', samplingIntervalMs: 100, unit: '%' }])).map(
      ({ path, type, unit, intervalMs }) => [path, type, unit, intervalMs],
    ),
    [
      ['a/b', 'int', '', 500],
      ['a/c', 'int', '%', 100],
    ],
  );
});

t.test('the sample in the README is valid', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../../protocols/opcua/README.md'), 'utf8');
  const sample = readme.match(/```yaml\n(.*?)```/s)![1]!.replace(/expires: \S+/, `expires: ${inDays(90)}`);
  opcuaSourceSchema.parse(parse(sample)[0]);
});

t.test('a sample bears the time of the source, unless that cannot be', async (t) => {
  const now = 1_790_000_000_000_000;
  const at = (us: number) => new Date(us / 1000);
  const cases: [string, Parameters<typeof timeOf>, [number, number]][] = [
    ['to the µs', [{ sourceTimestamp: at(now - 5000), sourcePicoseconds: 123_400_000 }, now], [now - 5000 + 123, 0]],
    ['else of the server', [{ serverTimestamp: at(now - 1000) }, now], [now - 1000, flag.timeFromServer]],
    ['else of the gateway', [{}, now], [now, flag.timeFromGateway]],
    ['1601 is none', [{ sourceTimestamp: new Date('1601-01-01') }, now], [now, flag.timeFromGateway]],
    ['5 s ahead are allowed', [{ sourceTimestamp: at(now + 5e6) }, now], [now + 5e6, 0]],
    ['more is not', [{ sourceTimestamp: at(now + 6e6) }, now], [now, flag.timeFromGateway | flag.clockSuspect]],
    ['an old value stays old', [{ sourceTimestamp: at(now - 9e9) }, now], [now - 9e9, 0]],
    ['but not a first one', [{ sourceTimestamp: at(now - 9e9) }, now, now - 1e6], [now, flag.timeFromGateway]],
    ['that is new', [{ sourceTimestamp: at(now - 1000) }, now, now - 1e6], [now - 1000, 0]],
  ];
  for (const [name, args, [time, flags]] of cases) t.same(timeOf(...args), { time, flags }, name);
});

t.test('values keep their type and all their digits, or are Bad', async (t) => {
  const { good, badTypeMismatch, badOutOfRange } = quality;
  const uncertain = StatusCodes.UncertainLastUsableValue;
  const scalar = VariantArrayType.Scalar;
  const cases: [string, DataValueOptions['value'], DataValueOptions['statusCode'], unknown, number][] = [
    ['Boolean', { dataType: DataType.Boolean, value: true }, undefined, true, good],
    ['Int16', { dataType: DataType.Int16, value: -3 }, undefined, -3, good],
    [
      'Int64',
      { dataType: DataType.Int64, arrayType: scalar, value: [0x200000, 1] },
      undefined,
      9007199254740993n,
      good,
    ],
    ['Int64 -1', { dataType: DataType.Int64, arrayType: scalar, value: [0xffffffff, 0xffffffff] }, undefined, -1, good],
    [
      'UInt64',
      { dataType: DataType.UInt64, arrayType: scalar, value: [0xffffffff, 0xffffffff] },
      undefined,
      2n ** 64n - 1n,
      good,
    ],
    ['Float', { dataType: DataType.Float, value: Math.fround(0.1) }, undefined, 0.1, good],
    ['Double', { dataType: DataType.Double, value: 0.1 + 0.2 }, undefined, 0.1 + 0.2, good],
    ['NaN', { dataType: DataType.Double, value: Number.NaN }, undefined, null, badOutOfRange],
    ['String', { dataType: DataType.String, value: 'فشار' }, undefined, 'فشار', good],
    ['null String', { dataType: DataType.String, value: null }, undefined, '', good],
    ['LocalizedText', { dataType: DataType.LocalizedText, value: { text: 'ok' } }, undefined, 'ok', good],
    ['DateTime', { dataType: DataType.DateTime, value: new Date(0) }, undefined, '1970-01-01T00:00:00.000Z', good],
    ['ByteString', { dataType: DataType.ByteString, value: Buffer.from('x') }, undefined, null, badTypeMismatch],
    ['null', { dataType: DataType.Null }, undefined, null, badTypeMismatch],
    [
      'array',
      { dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [1] },
      undefined,
      null,
      badTypeMismatch,
    ],
    ['Bad', { dataType: DataType.Double, value: 1 }, StatusCodes.BadDeviceFailure, null, quality.badDeviceFailure],
    ['Uncertain', { dataType: DataType.Double, value: 1 }, uncertain, 1, uncertain.value],
  ];
  for (const [name, value, statusCode = StatusCodes.Good, expected, code] of cases) {
    const encoded = new DataValue({ value, statusCode });
    t.strictSame(measuredOf(encoded as never), { value: expected, quality: code, overflow: false }, name);
  }
  const overflown = new DataValue({
    value: { dataType: DataType.Int32, value: 1 },
    statusCode: StatusCodes.GoodWithOverflowBit,
  });
  t.same(measuredOf(overflown as never), { value: 1, quality: quality.good, overflow: true });
});

/** A publisher whose server is the test: requests pile up until the test answers them. */
function startScript(silenceMs = 60_000) {
  type Callback = (error: Error | null, response?: PublishResponse) => void;
  const requests: { request: PublishRequest; callback: Callback }[] = [];
  const publisher = startPublisher({
    session: { publish: (request: PublishRequest, callback: Callback) => void requests.push({ request, callback }) },
    subscriptionId: 5,
    silenceMs,
    clock: systemClock,
  });
  const answer = (sequenceNumber: number, notificationData: NotificationMessage['notificationData'], more = false) =>
    requests.shift()!.callback(
      null,
      new PublishResponse({
        subscriptionId: 5,
        moreNotifications: more,
        notificationMessage: { sequenceNumber, notificationData },
      }),
    );
  const changes = (count: number) =>
    new DataChangeNotification({ monitoredItems: Array.from({ length: count }, () => ({ clientHandle: 1 })) });
  const next = () => publisher.next(new AbortController().signal);
  return { publisher, requests, answer, changes, next };
}

t.test('the publisher acknowledges what the reader has kept, not what has merely come', async (t) => {
  const { publisher, requests, answer, changes, next } = startScript();
  t.equal(requests.length, 3);
  answer(1, [changes(2)]);
  answer(2, []);
  const messages = await next();
  t.match(messages, [{ items: { length: 2 }, sequenceNumber: 1, complete: true }, { items: { length: 0 } }]);
  t.ok(requests.every(({ request }) => request.subscriptionAcknowledgements?.length === 0));
  publisher.acknowledge(messages);
  answer(2, [changes(1)], true);
  t.match(requests.at(-1)!.request.subscriptionAcknowledgements, [{ subscriptionId: 5, sequenceNumber: 1 }]);
  t.match(await next(), [{ complete: false }], 'the server had more to say');
  publisher[Symbol.dispose]();
});

t.test('the publisher asks for no more while its reader does not keep up', async (t) => {
  const { publisher, requests, answer, changes, next } = startScript(100);
  for (let number = 1; requests.length > 0; number++) answer(number, [changes(4000)]);
  await systemClock.sleep(300);
  const held = [await next(), await next()];
  t.equal(requests.length, 0, 'and does not take its own silence for that of the server');
  while (requests.length === 0) held.push(await next());
  t.equal(requests.length, 3, 'asks again when there is room');
  for (let left = 7 - held.length; left > 0; left--) t.match(await next(), [{ items: { length: 4000 } }]);
  await t.rejects(next(), ConnectionError, 'now the server is silent');
  publisher[Symbol.dispose]();
});

t.test('the publisher gives up a subscription that it cannot rely on', async (t) => {
  const cases: [string, RegExp, (script: ReturnType<typeof startScript>) => void][] = [
    [
      'a message is missing',
      /message 2 is missing/,
      ({ answer, changes }) => [answer(1, [changes(1)]), answer(3, [changes(1)])],
    ],
    [
      'the server ends it',
      /BadTimeout/,
      ({ answer }) => answer(1, [new StatusChangeNotification({ status: StatusCodes.BadTimeout as never })]),
    ],
    [
      'a request fails',
      /BadSessionIdInvalid/,
      ({ requests }) => requests.shift()!.callback(new Error('BadSessionIdInvalid')),
    ],
    [
      'no request is accepted',
      /BadTooManyPublishRequests/,
      ({ requests }) => {
        while (requests.length > 0) requests.shift()!.callback(new Error('BadTooManyPublishRequests'));
      },
    ],
  ];
  for (const [name, message, act] of cases) {
    const script = startScript();
    act(script);
    const rest = async () => {
      for (;;) await script.next();
    };
    await t.rejects(rest(), { name: 'ConnectionError', message }, name);
  }
  const { publisher, requests, answer, changes } = startScript();
  requests.pop()!.callback(new Error('BadTooManyPublishRequests'));
  answer(0xffffffff, [changes(1)]);
  answer(1, [changes(1)]);
  t.equal(requests.length, 2, 'a server that queues two requests gets two; numbers begin again at 1');
  await t.rejects(publisher.next(AbortSignal.abort()).then(() => publisher.next(AbortSignal.abort())));
  publisher[Symbol.dispose]();
});

// --- against servers ----------------------------------------------------------------------------------------------

async function startServer(define: (add: (name: string, dataType: DataType) => UAVariable) => void, more: Input = {}) {
  const [serverCertificateManager, userCertificateManager] = ['server', 'user'].map(
    (name) => new OPCUACertificateManager({ rootFolder: join(root, name) }),
  );
  // It calls itself by a name that leads nowhere.
  const server = new OPCUAServer({
    host: '127.0.0.1',
    hostname: 'plc.invalid',
    port: 0,
    serverCertificateManager,
    // Its default is a folder in the user's home.
    userCertificateManager,
    securityModes: [1],
    securityPolicies: ['None' as never],
    ...more,
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  addressSpace!.registerNamespace('urn:payesh:another');
  const namespace = addressSpace!.registerNamespace(uri);
  const device = namespace.addObject({ organizedBy: addressSpace!.rootFolder.objects, browseName: 'device' });
  define((name, dataType) =>
    namespace.addVariable({
      componentOf: device,
      browseName: name,
      nodeId: `s=${name}`,
      dataType,
      minimumSamplingInterval: 10,
    }));
  await server.start();
  return { server, port: (server.endpoints[0] as unknown as { port: number }).port };
}

let written: UAVariable;
const { server, port } = await startServer((add) => {
  written = add('written', DataType.Double);
  written.setValueFromSource({ dataType: DataType.Double, value: 0 });
  for (const name of ['b', 'c']) add(name, DataType.Int32).setValueFromSource({ dataType: DataType.Int32, value: 7 });
});
t.teardown(() => server.shutdown(0));

sourceContract(t, 'opcua', async () => ({
  port,
  sourceAt: (relay) => {
    const tags = ['written', 'absent', 'b', 'c'].map((name) => ({
      path: `a/${name}`,
      node: `nsu=${uri};s=${name}`,
      type: name === 'written' ? 'float' : 'int',
    }));
    return sourceOf(configOf(relay, tags, { publishingIntervalMs: 50, samplingIntervalMs: 20, timeoutMs: 1000 }));
  },
  tagIds: [1, 2, 3, 4],
  written: 1,
  write: (value) => written.setValueFromSource({ dataType: DataType.Double, value }),
  absent: 2,
  silenceMs: 9000,
  async [Symbol.asyncDispose]() {},
}));

async function take(source: Source, enough: (readings: readonly Reading[]) => boolean): Promise<Reading[]> {
  const stop = new AbortController();
  const readings: Reading[] = [];
  for await (const reading of source.read(stop.signal)) {
    readings.push(reading);
    if (enough(readings)) stop.abort();
  }
  return readings;
}
const samplesOf = (readings: readonly Reading[], tag: number): Sample[] =>
  readings.flatMap(({ samples }) => samples.filter((sample) => sample.tag === tag));
const tagOf = (name: string, type = 'float', more: Input = {}): Input => ({
  path: `a/${name}`,
  node: `nsu=${uri};s=${name}`,
  type,
  ...more,
});

t.test('keeps its certificate in the data folder, once for all', async (t) => {
  const file = join(dataDir, 'opcua', 'own.pem');
  t.same(readdirSync(dataDir), ['opcua']);
  t.same(readdirSync(join(dataDir, 'opcua')), ['own.pem']);
  t.equal(statSync(file).mode & 0o777, 0o600);
  const before = readFileSync(file, 'utf8');
  await take(sourceOf(configOf(port, [tagOf('written')])), () => true);
  t.equal(readFileSync(file, 'utf8'), before);

  const unusable = createOpcuaSource(configOf(port, [tagOf('written')]), {
    tagIds: new Map([['a/written', 1]]),
    clock: systemClock,
    dataDir: file,
    log: { info() {}, warn() {} },
  });
  await t.rejects(
    take(unusable, () => true),
    ConfigError,
    'a data folder that cannot be written',
  );
});

t.test(
  'values that are older than the session come once with the time of the gateway, newer ones with their own',
  async (t) => {
    const old = new Date(Date.now() - 3_600_000);
    const value = (v: number) => ({ dataType: DataType.Double, value: v });
    written.setValueFromSource(value(1), StatusCodes.Good, old);
    const source = sourceOf(configOf(port, [tagOf('written')], { publishingIntervalMs: 50, samplingIntervalMs: 20 }));
    for (const session of [1, 2]) {
      let newer: Date | undefined;
      const readings = await take(source, (readings) => {
        if (!newer) {
          newer = new Date();
          written.setValueFromSource(value(session * 10), StatusCodes.Good, newer);
        }
        return samplesOf(readings, 1).length > 1;
      });
      const [first, second] = samplesOf(readings, 1);
      t.match(first, { value: session === 1 ? 1 : 10, flags: flag.timeFromGateway });
      t.ok(Math.abs(first!.time - systemClock.now()) < 5e6);
      t.match(second, { value: session * 10, flags: 0 });
      t.equal(Math.floor(second!.time / 1000), newer!.getTime());
    }
  },
);

t.test('respects the limits of the server, and one bad node does not cost its batch', async (t) => {
  const limited = await startServer(
    (add) => {
      for (let i = 0; i < 10; i++)
        add(`v${i}`, DataType.Int32).setValueFromSource({ dataType: DataType.Int32, value: i });
    },
    { serverCapabilities: { operationLimits: { maxMonitoredItemsPerCall: 3 } } },
  );
  const names = ['v0', 'v1', 'nowhere', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9'];
  const stray = { path: 'a/stray', node: 'nsu=urn:payesh:unknown;s=v0', type: 'int' };
  const config = configOf(limited.port, [...names.map((name) => tagOf(name, 'int')), stray]);
  const [first] = await take(sourceOf(config), () => true);
  const values = new Map(first!.samples.map(({ tag, value, quality }) => [tag, value ?? quality]));
  t.same(
    [...values].sort(([a], [b]) => a - b).map(([, value]) => value),
    [0, 1, quality.badNodeIdUnknown, 2, 3, 4, 5, 6, 7, 8, 9, quality.badNodeIdUnknown],
  );
  await limited.server.shutdown(0);
  await t.rejects(
    take(sourceOf(config), () => true),
    ConnectionError,
  );
});

t.test('a session that the server closes is a ConnectionError, and another can be had', async (t) => {
  const source = sourceOf(configOf(port, [tagOf('b', 'int')], { publishingIntervalMs: 50 }));
  const closeAll = () => {
    const sessions = (server.engine as unknown as { _sessions: Record<string, { authenticationToken: never }> })
      ._sessions;
    for (const { authenticationToken } of Object.values(sessions))
      server.engine.closeSession(authenticationToken, true, 'Terminated');
  };
  const start = performance.now();
  await t.rejects(
    take(source, () => {
      closeAll();
      return false;
    }),
    ConnectionError,
  );
  t.ok(performance.now() - start < 9000);
  t.match(await take(source, () => true), [{ samples: [{ value: 7 }] }]);
});

t.test('intervals follow the clock of the process', async (t) => {
  const clock = createScaledClock({ startMs: 1.7e12, wallStartMs: Date.now(), speed: 10 });
  const config = configOf(port, [tagOf('written')], { publishingIntervalMs: 5000, samplingIntervalMs: 500 });
  let value = 0;
  const timer = setInterval(() => {
    written.setValueFromSource(
      { dataType: DataType.Double, value: ++value },
      StatusCodes.Good,
      new Date(clock.now() / 1000),
    );
  }, 60);
  const start = performance.now();
  const readings = await take(sourceOf(config, clock), ({ length }) => length === 4);
  clearInterval(timer);
  t.ok(performance.now() - start < 4000, 'three intervals of 5 s took less than 4 s of wall time');
  const samples = samplesOf(readings, 1).slice(1);
  t.ok(samples.length > 10);
  for (const [i, { time, flags }] of samples.entries()) {
    t.equal(flags, 0);
    t.ok(i === 0 || time > samples[i - 1]!.time);
  }
});
