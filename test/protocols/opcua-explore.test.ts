/** What a technician finds out about a server before anything runs: its variables, and what one of them holds. */
import { DataType, StatusCodes, standardUnits, VariantArrayType } from 'node-opcua';
import t from 'tap';
import { RejectedError } from '../../protocols/errors.ts';
import { opcuaConnectionSchema } from '../../protocols/opcua/connection-config.ts';
import {
  type BrowsedVariable,
  type BrowseVariablesOptions,
  browseVariables,
  inspectNode,
} from '../../protocols/opcua/explore.ts';
import { parseGlob } from '../../protocols/opcua/glob.ts';
import { isNode } from '../../protocols/opcua/node.ts';
import { startTestServer } from '../support/opcua-server.ts';

const root = t.testdir({ agent: {} });
const plant = 'urn:plant;100%';
const line = 'nsu=urn:plant%3B100%25;s=line';
const many = 700;

const test = await startTestServer({
  port: 0,
  pkiDir: `${root}/pki`,
  namespaces: [plant],
  nodes: [],
  tickMs: 1000,
  // Fewer than the nodes of one level, so that batches and continuation points are needed.
  more: {
    serverCapabilities: {
      operationLimits: { maxNodesPerBrowse: 60, maxNodesPerRead: 50, maxNodesPerTranslateBrowsePathsToNodeIds: 40 },
      maxBrowseContinuationPoints: 100,
    },
  },
});
t.teardown(() => test[Symbol.asyncDispose]());
const addressSpace = test.server.engine.addressSpace!;
const namespace = addressSpace.registerNamespace(plant);
const folder = namespace.addFolder('ObjectsFolder', { browseName: 'Line 1', nodeId: 's=line' });
const press = namespace.addObject({ organizedBy: folder, browseName: 'Press/A', nodeId: 's=press' });
const analog = namespace.addAnalogDataItem({
  componentOf: press,
  browseName: 'Temperature',
  nodeId: 's=temperature',
  dataType: 'Float',
  description: 'of the oil',
  engineeringUnits: standardUnits.degree_celsius,
  engineeringUnitsRange: { low: -10, high: 150 },
});
analog.setValueFromSource({ dataType: DataType.Float, value: 42.1 });
const add = (browseName: string, dataType: string, value: object, more: object = {}) =>
  namespace.addVariable({
    componentOf: press,
    browseName,
    nodeId: `s=${browseName}`,
    dataType,
    value,
    ...more,
  } as never);
add('Counter', 'Int64', { dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value: [0x00200000, 1] });
add('Running', 'Boolean', { dataType: DataType.Boolean, value: true });
add('Name', 'LocalizedText', { dataType: DataType.LocalizedText, value: { text: 'پرس', locale: 'fa' } });
add('State', 'ServerState', { dataType: DataType.Int32, value: 2 });
add(
  'Axes',
  'Double',
  { dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [1, 2.5, 3] },
  { valueRank: 1, arrayDimensions: [3] },
);
add('Build', 'BuildInfo', {
  dataType: DataType.ExtensionObject,
  value: addressSpace.constructExtensionObject(addressSpace.findDataType('BuildInfo')!, { productName: 'press' }),
});
add('Broken', 'Double', { dataType: DataType.Double, value: 0 }).setValueFromSource(
  { dataType: DataType.Double, value: 0 },
  StatusCodes.BadDeviceFailure,
);
// A circle, and a second way to the same node.
press.addReference({ referenceType: 'Organizes', isForward: true, nodeId: folder });
folder.addReference({ referenceType: 'Organizes', isForward: true, nodeId: analog });
const store = namespace.addFolder(folder, { browseName: 'Store', nodeId: 's=store' });
for (let i = 0; i < many; i++) {
  namespace.addVariable({
    organizedBy: store,
    browseName: `Bin ${i}`,
    nodeId: `s=bin-${i}`,
    dataType: 'UInt16',
    value: { dataType: DataType.UInt16, value: i },
  });
}

const config = opcuaConnectionSchema.parse({
  endpoint: test.endpoint,
  security: {
    mode: 'none',
    waiver: { reason: 'a server of the test', expires: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10) },
  },
});
const context = { dataDir: `${root}/agent`, secret: () => '', log: { info() {}, warn() {} } };
const never = new AbortController().signal;
const browse = (options: Partial<BrowseVariablesOptions>, signal = never): Promise<BrowsedVariable[]> =>
  Array.fromAsync(browseVariables(config, { maxNodes: 10_000, withValues: false, ...options }, context, signal));

t.test('finds every variable once, with what a tag of it needs to know', async (t) => {
  const progress: number[] = [];
  const found = await browse({ withValues: true, onProgress: (nodes) => progress.push(nodes) });
  const byName = new Map(found.map((variable) => [variable.name, variable]));
  t.equal(found.length, many + 8, 'in a tree that has a circle, and nothing of the server itself');
  t.equal(byName.size, found.length);
  t.match(byName.get('Temperature'), {
    node: 'nsu=urn:plant%3B100%25;s=temperature',
    path: '/Line 1/Temperature',
    dataType: 'Float',
    type: 'float',
    arrayLength: undefined,
    description: 'of the oil',
    unit: '°C',
    range: [-10, 150],
    value: '42.1',
    status: 0,
  });
  const seen = (name: string) => {
    const { dataType, type, arrayLength, value, status } = byName.get(name)!;
    return [dataType, type, arrayLength, value, status];
  };
  t.same(seen('Counter'), ['Int64', 'int', undefined, '9007199254740993', 0], 'exact beyond 2^53');
  t.same(seen('Running'), ['Boolean', 'bool', undefined, 'true', 0]);
  t.same(seen('Name'), ['LocalizedText', 'string', undefined, 'پرس', 0]);
  t.same(seen('State'), ['ServerState', 'int', undefined, '2', 0], 'an enumeration is an integer');
  t.same(seen('Axes'), ['Double', 'float', 3, '[1, 2.5, 3]', 0]);
  t.same(seen('Build').slice(0, 2), ['BuildInfo', undefined], 'a structure cannot be a tag as it is');
  t.same(seen('Broken').slice(0, 2), ['Double', 'float']);
  t.equal(byName.get('Broken')?.status, StatusCodes.BadDeviceFailure.value);
  t.equal(byName.get('Counter')?.path, '/Line 1/Press&/A/Counter');
  t.ok(
    found.every(({ node, path }) => isNode(node) && isNode(path)),
    'both can stand in a configuration',
  );
  t.ok(progress.length > 1 && progress.at(-1)! >= many);
});

t.test('from a node or a path, by a pattern, and no more than asked for', async (t) => {
  const names = async (options: Partial<BrowseVariablesOptions>) =>
    (await browse(options)).map(({ name }) => name).sort();
  t.same(await names({ match: 'line 1/*/temp*' }), ['Temperature'], 'case does not matter');
  t.same(await names({ match: '**/R*' }), ['Running']);
  t.same(await names({ from: line, match: 'Bin 1' }), []);
  t.same(await names({ from: '/Line 1/Store', match: 'Bin 1?' }), [], 'only stars are special');
  t.same(await names({ from: '/Line 1/Store', match: 'Bin 69*' }), [
    'Bin 69',
    ...Array.from({ length: 10 }, (_, i) => `Bin 69${i}`),
  ]);
  t.equal((await browse({ from: '/Line 1/Store', match: 'Bin 7' }))[0]?.path, '/Line 1/Store/Bin 7');
  t.equal((await browse({ from: '/Line 1/Store', maxNodes: 100 })).length, 100);
  t.ok(
    (await names({ from: 'nsu=http://opcfoundation.org/UA/;i=2253', maxNodes: 500 })).includes('CurrentTime'),
    'the server itself, when asked for',
  );
  await t.rejects(browse({ from: '/Line 2' }), RejectedError);
  await t.rejects(browse({ from: 'nsu=urn:nobody;s=x' }), RejectedError);
  await t.rejects(browse({ from: 'nsu=urn:plant%3B100%25;s=nothing' }), RejectedError);
  await t.rejects(browse({}, AbortSignal.abort(new Error('enough'))), /enough/);
});

t.test('one node as it is just now', async (t) => {
  const inspect = (node: string, more = {}) => inspectNode(config, { kind: 'opcua', node, ...more }, context, never);
  const before = Date.now() * 1000;
  const temperature = await inspect('/Line 1/Press&/A/Temperature');
  t.match(temperature, { kind: 'opcua', dataType: 'Float', value: 42.1, text: '42.1', status: 0 });
  t.ok(temperature.readAt >= before && temperature.sourceTime! > 0 && temperature.serverTime! > 0);
  const node = (name: string) => `nsu=urn:plant%3B100%25;s=${name}`;
  t.match(await inspect(node('Counter')), { dataType: 'Int64', value: 9007199254740993n, text: '9007199254740993' });
  t.match(await inspect(node('Axes')), { value: null, text: '[1, 2.5, 3]' });
  t.match(await inspect(node('Axes'), { index: '1' }), { value: 2.5 });
  t.match(await inspect(node('Build')), { dataType: 'ExtensionObject', value: null, text: /productName: press/ });
  t.match(await inspect(node('Build'), { field: 'productName' }), { value: 'press' });
  t.match(await inspect(node('Broken')), { value: null, status: StatusCodes.BadDeviceFailure.value });
  t.match(await inspect(node('nothing')), { value: null, status: StatusCodes.BadNodeIdUnknown.value });
  await t.rejects(inspect('/Line 2'), RejectedError);
});

t.test('a pattern stands for names as a whole, and for as many as it says', async (t) => {
  const fits = (pattern: string, path: string) => {
    const glob = parseGlob(pattern);
    return glob.fits(path.split('/').reduce((progress, name) => glob.step(progress, name), glob.begin));
  };
  const cases: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a', 'ab', false],
    ['a*', 'AB', true],
    ['*/b', 'a/b', true],
    ['*/b', 'b', false],
    ['**', 'a/b/c', true],
    ['**/c', 'a/b/c', true],
    ['**/c', 'c', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**', 'a', true],
    ['**/b/**/d', 'a/b/c/d', true],
    ['**/b/**/d', 'a/c/d', false],
    ['t.m*p', 'temp', false],
    ['دما*', 'دمای روغن', true],
  ];
  for (const [pattern, path, expected] of cases) t.equal(fits(pattern, path), expected, `${pattern} on ${path}`);
  const start = performance.now();
  fits(`${'*a'.repeat(50)}b`, 'a'.repeat(200));
  fits('**/'.repeat(50), Array(100).fill('a').join('/'));
  t.ok(performance.now() - start < 10_000, 'and none takes long');
});
