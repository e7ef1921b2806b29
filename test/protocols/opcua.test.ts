/** The OPC UA source against a real server: the contract, nodes, groups, deadbands and limits. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DataType, ensureDatatypeExtracted, StatusCodes, type UAVariable } from 'node-opcua';
import t from 'tap';
import { parse } from 'yaml';
import { createScaledClock, systemClock } from '../../protocols/clock.ts';
import { ConfigError, ConnectionError, RejectedError } from '../../protocols/errors.ts';
import { opcuaSourceSchema } from '../../protocols/opcua/config.ts';
import { allowanceOf } from '../../protocols/opcua/limits.ts';
import { parseBrowsePath, parseNode } from '../../protocols/opcua/node.ts';
import { opcuaTags } from '../../protocols/opcua/tags.ts';
import { flag, quality } from '../../protocols/sample.ts';
import { sourceContract } from '../contract/source.ts';
import { fc } from '../support/drawn.ts';
import {
  configOf,
  double,
  type Input,
  inDays,
  int32,
  samplesOf,
  security,
  sourceOf,
  startServer,
  tagOf,
  take,
  uri,
  valuesOf,
} from '../support/opcua-source.ts';

t.setTimeout(240_000);
const root = t.testdir({ client: {}, server: {}, limited: {} });
const dataDir = join(root, 'client');

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

t.test('a path of browse names is taken apart, and put together again', async (t) => {
  t.same(parseBrowsePath('/Line 1/Press&/2/nsu=urn:a;Speed'), [
    { name: 'Line 1' },
    { name: 'Press/2' },
    { namespaceUri: 'urn:a', name: 'Speed' },
  ]);
  for (const text of ['', 'Line', '/', '//a', '/a/', '/a//b']) t.equal(parseBrowsePath(text), undefined, text);
  const names = fc.array(
    fc.string({ minLength: 1 }).filter((name) => !name.startsWith('nsu=')),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(names, (names) => {
      const text = names.map((name) => `/${name.replaceAll(/[&/]/g, '&$&')}`).join('');
      return JSON.stringify(parseBrowsePath(text)) === JSON.stringify(names.map((name) => ({ name })));
    }),
  );
});

t.test('the configuration tells what is wrong where', async (t) => {
  const tag = { path: 'a/b', node: 'nsu=urn:a;s=b', type: 'int' };
  const waiver = security.waiver;
  const tags = (...tags: Input[]): Input => ({ groups: [{ tags }] });
  const mistakes: [Input, string, RegExp][] = [
    [{ security: { mode: 'none' } }, 'security.waiver', /needs a waiver/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: inDays(-2) } } }, 'security.waiver.expires', /expired/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: inDays(400) } } }, 'security.waiver.expires', /a year/],
    [{ security: { mode: 'none', waiver: { ...waiver, expires: 'soon' } } }, 'security.waiver.expires', /YYYY-MM-DD/],
    [{ security: { mode: 'none', waiver: { ...waiver, reason: 'old' } } }, 'security.waiver.reason', /say why/],
    [{ endpoint: 'http://plc:4840' }, 'endpoint', /opc\.tcp/],
    [{ endpoint: 'opc.tcp://user:secret@plc:4840' }, 'endpoint', /without user/],
    [tags({ ...tag, node: 'ns=2;s=b' }), 'groups.0.tags.0.node', /by URI/],
    [tags({ ...tag, node: 'b' }), 'groups.0.tags.0.node', /must be nsu=/],
    [tags(tag, tag), 'groups.0.tags.1.path', /"a\/b" is there twice/],
    [tags({ ...tag, elements: 2 }, { ...tag, path: 'a/b/1' }), 'groups.0.tags.1.path', /there twice/],
    [tags({ ...tag, elements: 2, index: '1' }), 'groups.0.tags.0.index', /elements/],
    [tags({ ...tag, index: '1:2' }), 'groups.0.tags.0.index', /one element/],
    [tags({ ...tag, type: 'double' }), 'groups.0.tags.0.type', /Invalid/],
    [tags({ ...tag, type: 'string', report: { deadbandPercent: 1 } }), 'groups.0.tags.0.report', /only numbers/],
    [{ groups: [{ tags: [tag] }, { tags: [tag] }] }, 'groups.1.tags.0.path', /there twice/],
    [{ groups: [{}] }, 'groups.0', /needs tags, or discover/],
  ];
  for (const [more, path, message] of mistakes) {
    const input = { kind: 'opcua', id: 'x', endpoint: 'opc.tcp://plc:4840', security, ...tags(tag), ...more };
    const issue = opcuaSourceSchema.safeParse(input).error?.issues[0];
    t.equal(issue?.path.join('.'), path);
    t.match(issue?.message, message);
  }
  for (const days of [0, 365]) {
    const input = { ...security, waiver: { ...waiver, expires: inDays(days) } };
    t.ok(configOf(4840, [tag], {}, { security: input }), `a waiver of ${days} days`);
  }
});

t.test('what an entry declares of its tags says where each is read', async (t) => {
  const tag = { path: 'a/b', node: 'nsu=urn:a;s=b', type: 'int' };
  const config = configOf(4840, [
    tag,
    { ...tag, path: 'a/c', samplingIntervalMs: 100, unit: '%', index: '1,2' },
    { ...tag, path: 'a/d', elements: 2, field: 'x.y' },
  ]);
  t.same(
    opcuaTags(config).map(({ path, type, unit, intervalMs, address, inspect }) => [
      path,
      type,
      unit,
      intervalMs,
      address,
      inspect,
    ]),
    [
      ['a/b', 'int', '', 20, 'nsu=urn:a;s=b', { kind: 'opcua', node: tag.node, index: undefined, field: undefined }],
      ['a/c', 'int', '%', 100, 'nsu=urn:a;s=b[1,2]', { kind: 'opcua', node: tag.node, index: '1,2', field: undefined }],
      ['a/d/0', 'int', '', 20, 'nsu=urn:a;s=b[0].x.y', { kind: 'opcua', node: tag.node, index: '0', field: 'x.y' }],
      ['a/d/1', 'int', '', 20, 'nsu=urn:a;s=b[1].x.y', { kind: 'opcua', node: tag.node, index: '1', field: 'x.y' }],
    ],
  );
});

t.test('the samples in the README are valid', async (t) => {
  const readme = readFileSync(join(import.meta.dirname, '../../protocols/opcua/README.md'), 'utf8');
  const samples = [...readme.matchAll(/```yaml\n(.*?)```/gs)].map(([, sample]) => sample!);
  t.ok(samples.length >= 3);
  for (const sample of samples) {
    for (const entry of parse(sample.replace(/expires: \S+/, `expires: ${inDays(90)}`))) opcuaSourceSchema.parse(entry);
  }
});

t.test('of what a server announces, what its kind bears and what the operator says, the least counts', async (t) => {
  const limits = { nodesPerRead: 0, monitoredItemsPerCall: 0, nodesPerBrowse: 0, nodesPerHistoryRead: 0 };
  const announced = { ...limits, nodesPerTranslate: 0 };
  const unknown = { productUri: 'urn:x', productName: '' };
  const of = (...args: Parameters<typeof allowanceOf>) => allowanceOf(...args);
  t.match(of(announced, unknown, { limits, profile: 'auto' }), {
    nodesPerRead: 1000,
    filters: true,
    profile: undefined,
  });
  t.match(of({ ...announced, nodesPerRead: 7 }, unknown, { limits, profile: 'auto' }), {
    nodesPerRead: 7,
    nodesPerBrowse: 1000,
  });
  t.match(of({ ...announced, nodesPerRead: 7 }, unknown, { limits: { ...limits, nodesPerRead: 3 }, profile: 'auto' }), {
    nodesPerRead: 3,
  });
  t.match(of(announced, unknown, { limits, profile: 's7-1200' }), { monitoredItemsPerCall: 100, filters: false });
  const siemens = { productUri: 'https://www.siemens.com/s7-1500', productName: '' };
  t.match(of({ ...announced, nodesPerRead: 2000 }, siemens, { limits, profile: 'auto' }), {
    nodesPerRead: 500,
    profile: 's7-1500',
  });
});

// --- against servers ----------------------------------------------------------------------------------------------

const opc = await startServer(join(root, 'server'));
t.teardown(() => opc[Symbol.asyncDispose]());
const written: UAVariable = opc.add('written', DataType.Double);
written.setValueFromSource(double(0));
for (const name of ['b', 'c']) opc.add(name, DataType.Int32).setValueFromSource(int32(7));
const { port } = opc;

sourceContract(t, 'opcua', async () => ({
  port,
  sourceAt: (relay) => {
    const tags = [tagOf('written'), ...['absent', 'b', 'c'].map((name) => tagOf(name, 'int'))];
    return sourceOf(configOf(relay, tags, {}, { timeoutMs: 1000 }), dataDir).source;
  },
  tagIds: [1, 2, 3, 4],
  written: 1,
  write: (value) => written.setValueFromSource(double(value)),
  absent: 2,
  silenceMs: 9000,
  inspect: { kind: 'opcua', node: `nsu=${uri};s=b` },
  async [Symbol.asyncDispose]() {},
}));

t.test('keeps its certificate in the data folder, once for all', async (t) => {
  const file = join(dataDir, 'opcua', 'own.pem');
  t.equal(statSync(file).mode & 0o777, 0o600);
  const before = readFileSync(file, 'utf8');
  await take(sourceOf(configOf(port, [tagOf('written')]), dataDir).source, () => true);
  t.equal(readFileSync(file, 'utf8'), before);
  t.same(readdirSync(dataDir), ['opcua'], 'and nothing elsewhere');
  await t.rejects(
    take(sourceOf(configOf(port, [tagOf('written')]), file).source, () => true),
    ConfigError,
    'a data folder that cannot be written',
  );
});

t.test('values older than the session come once with the time of the gateway, newer ones with their own', async (t) => {
  const old = new Date(Date.now() - 3_600_000);
  written.setValueFromSource(double(1), StatusCodes.Good, old);
  const { source } = sourceOf(configOf(port, [tagOf('written')]), dataDir);
  for (const session of [1, 2]) {
    let newer: Date | undefined;
    const readings = await take(source, (readings) => {
      if (!newer) {
        newer = new Date();
        written.setValueFromSource(double(session * 10), StatusCodes.Good, newer);
      }
      return samplesOf(readings, 1).length > 1;
    });
    const [first, second] = samplesOf(readings, 1);
    t.match(first, { value: session === 1 ? 1 : 10, flags: flag.timeFromGateway });
    t.ok(Math.abs(first!.time - systemClock.now()) < 5e6);
    t.match(second, { value: session * 10, flags: 0 });
    t.equal(Math.floor(second!.time / 1000), newer!.getTime());
  }
});

t.test('a source whose clock is years behind is found out, and each tag may choose its time', async (t) => {
  const tags = [tagOf('written'), tagOf('written', 'float', { path: 'a/by-gateway', time: 'gateway' })];
  const { source } = sourceOf(configOf(port, tags), dataDir);
  let value = 100;
  const readings = await take(source, (readings) => {
    written.setValueFromSource(double(++value), StatusCodes.Good, new Date(Date.UTC(2000, 0, 1) + value * 1000));
    return samplesOf(readings, 1).length > 3;
  });
  for (const { time, flags } of samplesOf(readings, 1).slice(1)) {
    t.equal(flags, flag.timeFromGateway | flag.clockSuspect);
    t.ok(Math.abs(time - systemClock.now()) < 60e6);
  }
  for (const { flags } of samplesOf(readings, 2)) t.equal(flags, flag.timeFromGateway);
});

t.test('groups share one session, each with its own intervals, and one bad node holds up nobody', async (t) => {
  const config = configOf(
    port,
    [tagOf('written')],
    {},
    {
      groups: [
        { publishingIntervalMs: 50, samplingIntervalMs: 20, tags: [tagOf('written'), tagOf('nowhere')] },
        { publishingIntervalMs: 100, samplingIntervalMs: 100, tags: [tagOf('b', 'int')] },
        {
          mode: 'poll',
          samplingIntervalMs: 100,
          tags: [tagOf('c', 'int'), { ...tagOf('b', 'int'), path: 'a/b-polled' }],
        },
      ],
    },
  );
  const sessions = () => opc.server.engine.currentSessionCount;
  const before = sessions();
  const { source, warnings } = sourceOf(config, dataDir);
  const readings = await take(source, (readings) => {
    t.equal(sessions(), before + 1);
    return readings.length > 5;
  });
  const first = valuesOf(readings.slice(0, 1));
  t.same(new Set(first.keys()), new Set([1, 2, 3, 4, 5]));
  t.same(
    [3, 4, 5].map((tag) => first.get(tag)!.value),
    [7, 7, 7],
  );
  t.equal(first.get(2)!.quality, quality.badNodeIdUnknown);
  t.match(warnings, [{ fields: { tags: 1, example: { path: 'a/nowhere', status: 'BadNodeIdUnknown' } } }]);
});

t.test('a node that comes later is measured within the session', async (t) => {
  const { source } = sourceOf(
    configOf(
      port,
      [tagOf('later'), tagOf('b', 'int')],
      {},
      {
        groups: [
          { publishingIntervalMs: 50, samplingIntervalMs: 20, tags: [tagOf('later', 'int'), tagOf('b', 'int')] },
          { mode: 'poll', samplingIntervalMs: 200, tags: [{ ...tagOf('later', 'int'), path: 'a/polled' }] },
        ],
      },
    ),
    dataDir,
  );
  let variable: UAVariable | undefined;
  const readings = await take(source, (readings) => {
    variable ??= opc.add('later', DataType.Int32, { value: int32(5) });
    return samplesOf(readings, 1).at(-1)!.value === 5 && samplesOf(readings, 3).at(-1)!.value === 5;
  });
  t.equal(samplesOf(readings, 1).filter(({ value }) => value === null).length, 1, 'Bad is said once');
  t.equal(samplesOf(readings, 2).length, 1, 'the others are not disturbed');

  let gone = false;
  const rest = await take(source, (readings) => {
    if (!gone) {
      gone = true;
      opc.addressSpace.deleteNode(variable!);
    } else if (variable && samplesOf(readings, 1).at(-1)!.value === null) {
      variable = undefined;
      opc.add('later', DataType.Int32, { value: int32(6) });
    }
    return samplesOf(readings, 1).at(-1)!.value === 6;
  });
  t.match(
    samplesOf(rest, 1).map(({ value }) => value),
    [5, null, 6],
    'one that was taken away and put back, too',
  );
});

t.test('nodes are found by browse path, if it leads to one of them only', async (t) => {
  const twice = (namespaceIndex: number) =>
    opc.device.addressSpace.getNamespace(namespaceIndex).addVariable({
      componentOf: opc.device,
      browseName: 'twice',
      dataType: DataType.Int32,
      value: int32(namespaceIndex),
    });
  const index = opc.namespace.index;
  for (const at of [index, index - 1]) twice(at);
  const nodes = [
    '/device/b',
    `/nsu=${uri};device/nsu=${uri};b`,
    '/device/twice',
    `/device/nsu=${uri};twice`,
    `/nsu=${uri};device/nsu=urn:payesh:another;twice`,
    '/device/nowhere',
    '/nsu=urn:unknown;device/b',
    `/nsu=${uri};device/nsu=${uri};nowhere`,
  ];
  const { source } = sourceOf(
    configOf(
      port,
      nodes.map((node, i) => ({ path: `a/${i}`, node, type: 'int' })),
    ),
    dataDir,
  );
  const first = valuesOf(await take(source, () => true));
  const badNoMatch = 0x806f0000;
  const badTooManyMatches = 0x806d0000;
  t.same(
    nodes.map((_, i) => first.get(i + 1)!.value ?? first.get(i + 1)!.quality),
    [7, 7, badTooManyMatches, index, index - 1, badNoMatch, badNoMatch, badNoMatch],
  );
});

t.test('arrays come by element, enumerations by name, structures by field', async (t) => {
  const array = opc.add('array', DataType.Double, { valueRank: 1, arrayDimensions: [0] });
  array.setValueFromSource({
    dataType: DataType.Double,
    arrayType: 1,
    value: new Float64Array([1.5, 2.5, 3.5]),
  } as never);
  const texts = opc.add('words', DataType.String, { valueRank: 1, arrayDimensions: [0] });
  texts.setValueFromSource({ dataType: DataType.String, arrayType: 1, value: ['x', 'y'] } as never);
  const states = opc.namespace.addEnumerationType({
    browseName: 'States',
    enumeration: ['Stopped', 'Idle', 'Execute'],
  });
  opc.add('state', states.nodeId as never, { value: int32(2) });
  opc.namespace.addMultiStateDiscrete({
    componentOf: opc.device,
    browseName: 'multi',
    nodeId: 's=multi',
    enumStrings: ['off', 'on'],
    value: 1,
  });
  const types = opc.addressSpace.registerNamespace('urn:payesh:types');
  const point = types.createDataType({
    browseName: 'Point',
    isAbstract: false,
    subtypeOf: 'Structure',
    partialDefinition: [
      { name: 'X', dataType: DataType.Double, valueRank: -1 } as never,
      { name: 'Count', dataType: DataType.Int64, valueRank: -1 } as never,
      { name: 'Loads', dataType: DataType.Float, valueRank: 1, arrayDimensions: [0] } as never,
    ],
  });
  types.addObject({
    encodingOf: point,
    browseName: { name: 'Default Binary', namespaceIndex: 0 },
    typeDefinition: 'DataTypeEncodingType',
  } as never);
  await ensureDatatypeExtracted(opc.addressSpace);
  const structure = (x: number) => ({
    dataType: DataType.ExtensionObject,
    value: opc.addressSpace.constructExtensionObject(point, { x, count: [0, 42], loads: [0.5, 0.25] }),
  });
  const place = opc.add('place', point.nodeId as never);
  place.setValueFromSource(structure(1.25) as never);

  const tags = [
    tagOf('array', 'float', { path: 'a/second', index: '1' }),
    tagOf('array', 'float', { path: 'a/far', index: '9' }),
    tagOf('array', 'float', { path: 'a/all', elements: 4 }),
    tagOf('words', 'string', { path: 'a/word', index: '0' }),
    tagOf('state', 'string', { path: 'a/state-name' }),
    tagOf('state', 'int', { path: 'a/state-number' }),
    tagOf('multi', 'string'),
    tagOf('place', 'float', { path: 'a/x', field: 'X' }),
    tagOf('place', 'int', { path: 'a/count', field: 'count' }),
    tagOf('place', 'float', { path: 'a/load', field: 'Loads.1' }),
    tagOf('place', 'float', { path: 'a/none', field: 'Z' }),
  ];
  const noData = 0x80370000;
  const expected = {
    'a/second': 2.5,
    'a/far': noData,
    'a/all/0': 1.5,
    'a/all/1': 2.5,
    'a/all/2': 3.5,
    'a/all/3': noData,
    'a/word': 'x',
    'a/state-name': 'Execute',
    'a/state-number': 2,
    'a/multi': 'on',
    'a/x': 1.25,
    'a/count': 42,
    'a/load': 0.25,
    'a/none': 0x806f0000,
  };
  for (const mode of ['subscribe', 'poll']) {
    const { source, ids } = sourceOf(configOf(port, tags, { mode, samplingIntervalMs: 50 }), dataDir);
    let changed = false;
    const readings = await take(source, (readings) => {
      if (!changed) place.setValueFromSource(structure(7.75) as never);
      changed = true;
      return samplesOf(readings, ids.get('a/x')!).at(-1)!.value === 7.75;
    });
    const first = valuesOf(readings.slice(0, 1));
    t.same(
      Object.keys(expected).map((path) => [
        path,
        first.get(ids.get(path)!)!.value ?? first.get(ids.get(path)!)!.quality,
      ]),
      Object.entries(expected),
      mode,
    );
    place.setValueFromSource(structure(1.25) as never);
  }
});

t.test('deadbands are the server’s, and where it has no filter for them, ours', async (t) => {
  const plain = opc.add('plain', DataType.Double);
  const ranged = opc.namespace.addAnalogDataItem({
    componentOf: opc.device,
    browseName: 'ranged',
    nodeId: 's=ranged',
    dataType: DataType.Double,
    engineeringUnitsRange: { low: 0, high: 200 },
    minimumSamplingInterval: 10,
  } as never);
  const write = (value: number) => {
    plain.setValueFromSource(double(value));
    ranged.setValueFromSource(double(value));
  };
  const tags = [
    tagOf('plain', 'float', { path: 'a/absolute', report: { deadband: 2 } }),
    tagOf('plain', 'float', { path: 'a/of-tag-range', range: [0, 100], report: { deadbandPercent: 2 } }),
    tagOf('ranged', 'float', { path: 'a/of-node-range', report: { deadbandPercent: 1 } }),
    tagOf('plain', 'float', { path: 'a/of-no-range', report: { deadbandPercent: 2 } }),
    tagOf('plain', 'float', { path: 'a/every', report: { deadband: 2, mode: 'always' } }),
  ];
  for (const [mode, profile] of [
    ['subscribe', 'auto'],
    ['subscribe', 's7-1200'],
    ['poll', 'auto'],
  ]) {
    write(0);
    const { source } = sourceOf(configOf(port, tags, { mode, samplingIntervalMs: 20 }, { profile }), dataDir);
    let step = 0;
    const readings = await take(source, async (readings) => {
      const last = samplesOf(readings, 4).at(-1)!.value;
      if (last === step) write(++step);
      return step > 6;
    });
    const values = (tag: number) => samplesOf(readings, tag).map(({ value }) => value as number);
    const steps = (tag: number) =>
      values(tag)
        .slice(1)
        .map((value, i) => value - values(tag)[i]!);
    t.ok(
      steps(3).length >= 1 && steps(3).every((step) => step >= 2),
      `${mode} ${profile}: percent of the node's range`,
    );
    if (mode === 'subscribe' && profile === 'auto') {
      for (const tag of [1, 2]) t.ok(steps(tag).length >= 1 && steps(tag).every((step) => step >= 2));
    }
    t.ok(
      steps(5).every((step) => step <= 1),
      'no deadband where every measurement is wanted',
    );
  }
});

t.test('a group reports by status, value or timestamp; a tag that wants every measurement, by timestamp', async (t) => {
  const variable = opc.add('steady', DataType.Double);
  const groups = ['status', 'value', 'timestamp'].map((trigger) => ({
    publishingIntervalMs: 50,
    samplingIntervalMs: 10,
    trigger,
    tags: [tagOf('steady', 'float', { path: `a/${trigger}` })],
  }));
  const always = tagOf('steady', 'float', { path: 'a/always', report: { mode: 'always' } });
  for (const profile of ['auto', 's7-1200']) {
    variable.setValueFromSource(double(0));
    const config = configOf(
      port,
      [],
      {},
      { profile, groups: [...groups, { publishingIntervalMs: 50, samplingIntervalMs: 10, tags: [always] }] },
    );
    const { source } = sourceOf(config, dataDir);
    let step = 0;
    // Two measurements of each value, and then some of another status.
    const writing = setInterval(() => {
      const code = ++step > 12 ? StatusCodes.UncertainLastUsableValue : StatusCodes.Good;
      variable.setValueFromSource(double(Math.floor(step / 2)), code);
    }, 60);
    const readings = await take(source, () => step > 16);
    clearInterval(writing);
    const counts = [1, 2, 3, 4].map((tag) => samplesOf(readings, tag).length);
    t.equal(counts[0], 2, `${profile}: by status`);
    t.ok(counts[1]! > counts[0]!, `${profile}: by value ${counts}`);
    if (profile === 'auto') {
      t.ok(counts[2]! > counts[1]!, 'by timestamp');
      t.ok(counts[3]! > counts[1]!, 'always');
    }
  }
});

t.test('respects the limits of the server', async (t) => {
  await using limited = await startServer(join(root, 'limited'), {
    serverCapabilities: {
      operationLimits: {
        maxMonitoredItemsPerCall: 3,
        maxNodesPerRead: 4,
        maxNodesPerTranslateBrowsePathsToNodeIds: 2,
        maxNodesPerBrowse: 1,
      },
    } as never,
  });
  for (let i = 0; i < 10; i++) limited.add(`v${i}`, DataType.Int32).setValueFromSource(int32(i));
  const names = ['v0', 'v1', 'nowhere', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9'];
  const paths = ['b1', 'b2', 'b3'].map((name, i) => ({
    path: `a/${name}`,
    node: `/nsu=${uri};device/nsu=${uri};v${i}`,
    type: 'int',
  }));
  const stray = { path: 'a/stray', node: 'nsu=urn:payesh:unknown;s=v0', type: 'int' };
  const tags = [...names.map((name) => tagOf(name, 'int')), stray, ...paths];
  for (const mode of ['subscribe', 'poll']) {
    const { source } = sourceOf(configOf(limited.port, tags, { mode }), dataDir);
    const first = valuesOf(await take(source, () => true));
    t.same(
      tags.map((_, i) => first.get(i + 1)!.value ?? first.get(i + 1)!.quality),
      [0, 1, quality.badNodeIdUnknown, 2, 3, 4, 5, 6, 7, 8, 9, quality.badNodeIdUnknown, 0, 1, 2],
      mode,
    );
  }
});

t.test('inspects a node over the session that is up, whatever it holds', async (t) => {
  const { source } = sourceOf(configOf(port, [tagOf('written')]), dataDir);
  const signal = new AbortController().signal;
  const ask = (node: string, more = {}) => source.inspect({ kind: 'opcua', node, ...more }, signal);
  await t.rejects(ask('/device/b'), ConnectionError, 'before it is up');
  await take(source, async () => {
    t.match(await ask('/device/b'), { dataType: 'Int32', value: 7, text: '7', status: 0 });
    t.match(await ask(`nsu=${uri};s=array`, { index: '1' }), {
      dataType: 'Double',
      value: 2.5,
      text: '[1.5, 2.5, 3.5]',
    });
    t.match(await ask(`nsu=${uri};s=place`, { field: 'x' }), { dataType: 'ExtensionObject', value: 1.25 });
    await t.rejects(ask('/nowhere'), RejectedError);
    await t.rejects(
      source.inspect({ kind: 'modbus', unit: 1, table: 'coil', address: 0, count: 1 }, signal),
      RejectedError,
    );
    return true;
  });
  await t.rejects(ask('/device/b'), ConnectionError, 'after it was');
});

t.test('intervals follow the clock of the process', async (t) => {
  const clock = createScaledClock({ startMs: 1.7e12, wallStartMs: Date.now(), speed: 10 });
  const config = configOf(port, [tagOf('written')], { publishingIntervalMs: 5000, samplingIntervalMs: 500 });
  let value = 0;
  const timer = setInterval(() => {
    written.setValueFromSource(double(++value), StatusCodes.Good, new Date(clock.now() / 1000));
  }, 60);
  const start = performance.now();
  const readings = await take(sourceOf(config, dataDir, { clock }).source, ({ length }) => length === 4);
  clearInterval(timer);
  t.ok(performance.now() - start < 10_000, 'three intervals of 5 s took less than 10 s of wall time');
  const samples = samplesOf(readings, 1).slice(1);
  t.ok(samples.length > 10);
  for (const [i, { time, flags }] of samples.entries()) {
    t.equal(flags, 0);
    t.ok(i === 0 || time > samples[i - 1]!.time);
  }
});
