/** Tags that are found by browsing: what comes, what goes, and what only seems to. */

import { DataType, type UAVariable } from 'node-opcua';
import t from 'tap';
import { createScaledClock } from '../../protocols/clock.ts';
import { tagPathSchema } from '../../protocols/manifest.ts';
import { pathOf } from '../../protocols/opcua/discover.ts';
import { quality } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';
import { fc } from '../support/drawn.ts';
import {
  configOf,
  int32,
  samplesOf,
  serverOfFile,
  sourceOf,
  tagOf,
  take,
  uri,
  valuesOf,
} from '../support/opcua-source.ts';

t.setTimeout(240_000);
const { opc, dataDir } = await serverOfFile(t);
const line = opc.namespace.addObject({ componentOf: opc.device, browseName: 'Line 1', nodeId: 's=line' });
const press = opc.namespace.addObject({ componentOf: line, browseName: 'Press', nodeId: 's=press' });
const add = (name: string, dataType: DataType | string, value: unknown, more = {}): UAVariable =>
  opc.namespace.addVariable({
    componentOf: press,
    browseName: name,
    nodeId: `s=press.${name}`,
    dataType,
    minimumSamplingInterval: 10,
    value,
    ...more,
  } as never);
add('Speed', DataType.Double, { dataType: DataType.Double, value: 1.5 });
add('Count', DataType.UInt16, { dataType: DataType.UInt16, value: 3 });
add('Name', DataType.LocalizedText, { dataType: DataType.LocalizedText, value: { text: 'پرس' } });
add('دما', DataType.Float, { dataType: DataType.Float, value: 7 });
add(
  'Curve',
  DataType.Double,
  { dataType: DataType.Double, arrayType: 1, value: new Float64Array(2) },
  { valueRank: 1, arrayDimensions: [0] },
);
opc.add('fixed', DataType.Int32, { value: int32(1) });

/** Looks again after a second of wall time instead of ten. */
const quick = () => createScaledClock({ startMs: Date.now(), wallStartMs: Date.now(), speed: 10 });
const pattern = { from: `nsu=${uri};s=line`, match: '*/*', under: 'line-1', rescanMs: 10_000 };
const found = (readings: readonly Reading[], ids: ReadonlyMap<string, number>, path: string) =>
  samplesOf(readings, ids.get(path) ?? -1);

for (const mode of ['subscribe', 'poll']) {
  t.test(`${mode}: what fits a pattern becomes tags, what comes later too, and what goes ends Bad`, async (t) => {
    const config = configOf(opc.port, [tagOf('fixed', 'int')], { mode, samplingIntervalMs: 100, discover: [pattern] });
    const { source, ids, declared } = sourceOf(config, dataDir, { clock: quick() });
    let later: UAVariable | undefined;
    let isGone = false;
    const readings = await take(source, (readings) => {
      if (declared.length === 1) later ??= add('Later', DataType.Int32, int32(9));
      if (!isGone && found(readings, ids, 'line-1/press/later').length > 0) {
        isGone = true;
        opc.addressSpace.deleteNode(later!);
      }
      return declared.length > 2 && found(readings, ids, 'line-1/press/later').at(-1)!.value === null;
    });
    const types = declared[0]!.map(({ path, type, address }) => [path, type, address]);
    t.match(types.slice(0, 3), [
      ['line-1/press/speed', 'float', `nsu=${uri};s=press.Speed`],
      ['line-1/press/count', 'int', `nsu=${uri};s=press.Count`],
      ['line-1/press/name', 'string', `nsu=${uri};s=press.Name`],
    ]);
    t.match(types[3], [/^line-1\/press\/x-[0-9a-f]{8}$/, 'float'], 'a name of which no letter is left');
    t.equal(types.length, 4, 'an array is no tag');
    t.same([...new Set(readings[0]!.samples.map(({ tag }) => tag))].at(0), 1, 'what is configured waits for nothing');
    t.same(
      [found(readings, ids, 'line-1/press/speed')[0]!.value, found(readings, ids, 'line-1/press/name')[0]!.value],
      [1.5, 'پرس'],
    );
    t.same(
      declared.map((tags) => tags.length),
      [4, 5, 4],
    );
    const values = found(readings, ids, 'line-1/press/later').map(({ value }) => value);
    t.equal(values[0], 9);
    const last = found(readings, ids, 'line-1/press/later').at(-1)!;
    t.ok(last.quality === quality.badNodeIdUnknown || last.quality === 0x80330000);
    if (mode === 'subscribe')
      t.equal(found(readings, ids, 'line-1/press/speed').length, 1, 'the others are not disturbed');
  });
}

t.test('what was found is known in the next session, and a pattern that leads nowhere retires nothing', async (t) => {
  const config = configOf(opc.port, [], { discover: [pattern, { ...pattern, from: '/nowhere', under: 'other' }] });
  const { source, declared, warnings } = sourceOf(config, dataDir);
  await t.rejects(
    take(source, (readings) => {
      if (readings.length > 1 && warnings.length > 0) throw new Error('enough');
    }),
    /enough/,
  );
  t.same(declared, []);
  t.match(warnings, [{ message: /cannot be browsed/ }]);

  const good = sourceOf(configOf(opc.port, [], { discover: [pattern] }), dataDir);
  for (const session of [1, 2]) {
    const readings = await take(good.source, (readings) => valuesOf(readings).size === 4);
    if (session === 2) t.equal(readings.length, 1, 'in the first reading of the next session');
  }
});

t.test('what a download hides for a while is not retired, and nodes of one path do not change places', async (t) => {
  const cell = opc.namespace.addObject({ componentOf: opc.device, browseName: 'Cell', nodeId: 's=cell' });
  const another = opc.addressSpace.getNamespace('urn:payesh:another');
  const twins = [another, opc.namespace].map((namespace, i) =>
    namespace.addVariable({
      componentOf: cell,
      browseName: 'Speed',
      nodeId: 's=twin',
      dataType: DataType.Int32,
      value: int32(i),
    } as never),
  );
  const link = (twin: UAVariable) => ({ referenceType: 'HasComponent', isForward: true, nodeId: twin.nodeId });
  const hide = () => {
    for (const twin of twins) cell.removeReference(link(twin));
  };
  const showOtherwise = () => {
    for (const twin of twins.toReversed()) cell.addReference(link(twin));
  };
  /** After each browsing. */
  const steps = [hide, showOtherwise];
  let scans = 0;
  const server = opc.server as unknown as Record<string, (...args: unknown[]) => void>;
  const browse = server._on_BrowseRequest!;
  server._on_BrowseRequest = (message, ...rest) => {
    browse.call(opc.server, message, ...rest);
    const { nodesToBrowse } = (message as { request: { nodesToBrowse: { nodeId: object }[] } }).request;
    if (!nodesToBrowse.some(({ nodeId }) => String(nodeId) === String(cell.nodeId))) return;
    scans++;
    const step = steps.shift();
    if (step) setTimeout(step, 100);
  };
  const discover = [{ from: `nsu=${uri};s=cell`, under: 'cell', rescanMs: 10_000 }];
  const { source, declared, ids } = sourceOf(configOf(opc.port, [], { discover }), dataDir, { clock: quick() });
  const readings = await take(source, () => scans > 4);
  server._on_BrowseRequest = browse;
  t.equal(declared.length, 1, 'declared once, and as it was');
  const paths = declared[0]!.map(({ path }) => path);
  t.match(paths, ['cell/speed', /^cell\/speed-[0-9a-f]{8}$/]);
  t.same(
    paths.map((path) => found(readings, ids, path).map(({ value }) => value)),
    paths.map((path) => [path === 'cell/speed' ? 0 : 1]),
  );
});

t.test('browse names make paths, whatever they are, and never the same one twice', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ maxLength: 8 }), { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
      (all) => {
        const taken = new Set<string>();
        for (const [i, names] of all.entries()) {
          const path = pathOf(
            'under',
            names.map((name) => ({ name })),
            `nsu=u;i=${i}`,
            taken,
          );
          if (taken.has(path) || !tagPathSchema.safeParse(path).success) return false;
          taken.add(path);
        }
        return true;
      },
    ),
  );
});
