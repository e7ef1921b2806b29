/** Servers that change under a session, ignore what they are asked for, or send what nobody expects: never a wrong value. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import {
  AttributeIds,
  coerceNodeId,
  DataType,
  DataValue,
  EnumValueType,
  ensureDatatypeExtracted,
  NumericRange,
  type PublishResponse,
  StatusCodes,
  type UAObject,
  type UAVariable,
  VariantArrayType,
} from 'node-opcua';
import t from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { quality } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';
import {
  configOf,
  double,
  int32,
  nowUs,
  samplesOf,
  serverOfFile,
  sourceOf,
  tagOf,
  take,
  uri,
} from '../support/opcua-source.ts';

t.setTimeout(240_000);
const { opc, port, dataDir } = await serverOfFile(t);

type Handler = (message: { request: never }, channel: object) => void;
const handlers = opc.server as unknown as Record<string, Handler>;
/** Changes the requests of a service before the server sees them; undone by what it returns. */
function tamper(service: string, change: (request: never) => void): () => void {
  const key = `_on_${service}Request`;
  const handler = handlers[key]!;
  handlers[key] = (message, channel) => {
    change(message.request);
    handler.call(opc.server, message, channel);
  };
  return () => {
    handlers[key] = handler;
  };
}
/** Changes the answers of a service; undone by what it returns. */
function answer(service: string, change: (response: never) => void): () => void {
  const key = `_on_${service}Request`;
  const handler = handlers[key]!;
  handlers[key] = (message, channel) => {
    const changing = Object.create(channel);
    changing.send_response = (type: string, response: never, ...rest: unknown[]) => {
      change(response);
      (channel as { send_response(...args: unknown[]): void }).send_response(type, response, ...rest);
    };
    handler.call(opc.server, message, changing);
  };
  return () => {
    handlers[key] = handler;
  };
}
const badIndexRangeNoData = 0x80370000;
const modes = ['subscribe', 'poll'] as const;

/** A line on which everything takes so long. */
async function startSlowLine(to: number, delayMs: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => setTimeout(() => into.write(chunk), delayMs));
      from.on('error', () => {});
      from.on('close', () => into.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** They mostly wait, and do so side by side. */
const together = { buffered: true };
/** They change what the server does. */
const alone = { buffered: false };
t.jobs = 4;

t.test(
  'a path leads to what is there now: when a download swaps nodes, no value comes under the other’s name',
  together,
  async (t) => {
    const folders = ['left', 'right'].map((name) =>
      opc.namespace.addObject({ componentOf: opc.device, browseName: name, nodeId: `s=${name}` }),
    ) as [UAObject, UAObject];
    const speeds = folders.map((folder, i) =>
      opc.namespace.addVariable({
        componentOf: folder,
        browseName: 'speed',
        nodeId: `s=speed-${i}`,
        dataType: DataType.Int32,
        minimumSamplingInterval: 10,
      }),
    );
    let step = 0;
    /** A value says in whose folder its node is. */
    const write = () => {
      step++;
      for (const [i, folder] of folders.entries()) {
        const speed = speeds.find((one) => folder.getComponentByName('speed', opc.namespace.index) === one)!;
        speed.setValueFromSource(int32(i * 1000 + step));
      }
    };
    const swap = () => {
      const nodes = folders.map((folder) => folder.getComponentByName('speed', opc.namespace.index)!);
      for (const [i, folder] of folders.entries())
        folder.removeReference({ referenceType: 'HasComponent', isForward: true, nodeId: nodes[i]!.nodeId });
      for (const [i, folder] of folders.entries())
        folder.addReference({ referenceType: 'HasComponent', isForward: true, nodeId: nodes[1 - i]!.nodeId });
    };
    write();
    const paths = ['/device/left/speed', `/nsu=${uri};device/nsu=${uri};right/nsu=${uri};speed`];
    const tags = paths.map((node, i) => ({ path: `a/${i}`, node, type: 'int' }));
    for (const mode of modes) {
      const { source } = sourceOf(configOf(port, tags, { mode, samplingIntervalMs: 100 }), dataDir);
      let swappedAt = 0;
      const readings = await take(source, (readings) => {
        write();
        if (readings.length === 3) {
          swap();
          write();
          swappedAt = readings.length;
        }
        const since = readings.slice(swappedAt);
        const isKnown = mode === 'poll' || since.some(({ resumed }) => resumed);
        return swappedAt > 0 && isKnown && since.length > 5 && samplesOf(since.slice(-3), 1).length > 0;
      });
      const isWrong = ({ value }: { value: unknown }, i: number) => Math.floor(Number(value) / 1000) !== i;
      const from = mode === 'poll' ? 0 : readings.findIndex(({ resumed }) => resumed);
      for (const i of [0, 1]) {
        const samples = samplesOf(readings.slice(from), i + 1);
        t.ok(samples.length > 0);
        t.same(
          samples.filter((sample) => isWrong(sample, i)),
          [],
          `${mode}: tag ${i}`,
        );
      }
      if (mode === 'subscribe') {
        const wrong = [0, 1].flatMap((i) => samplesOf(readings, i + 1).filter((sample) => isWrong(sample, i)));
        const known = readings[from - 1]!.through;
        t.ok(
          wrong.every(({ time }) => time > known),
          'what came before it was found out is not told as known',
        );
      }
    }
  },
);

t.test(
  'what comes later is not before `through`: on a slow line, and of a server whose clock is behind',
  together,
  async (t) => {
    const moving = opc.add('moving', DataType.Double);
    const currentTime = opc.addressSpace.findNode('i=2258') as UAVariable;
    const readTime = currentTime.readAttribute;
    for (const [name, delayMs, behindMs] of [
      ['a slow line', 150, 0],
      ['and a clock that is behind', 50, 1000],
    ] as const) {
      await using line = await startSlowLine(port, delayMs);
      const serverNow = () => new Date(Date.now() - behindMs);
      currentTime.readAttribute = function (context, attributeId, ...rest) {
        const dataValue = readTime.call(this, context, attributeId, ...rest);
        if (attributeId === AttributeIds.Value) dataValue.value.value = serverNow();
        return dataValue;
      };
      let step = 0;
      const writing = setInterval(() => moving.setValueFromSource(double(++step), StatusCodes.Good, serverNow()), 30);
      const { source } = sourceOf(configOf(line.port, [tagOf('moving')], { publishingIntervalMs: 100 }), dataDir);
      const own = (readings: readonly Reading[]) => samplesOf(readings, 1).filter(({ flags }) => flags === 0);
      const readings = await take(source, (readings) => own(readings).length > 20).finally(() =>
        clearInterval(writing),
      );
      currentTime.readAttribute = readTime;
      const early = readings.flatMap(({ samples }, i) =>
        i === 0 ? [] : samples.filter(({ time }) => time < readings[i - 1]!.through),
      );
      t.same(early, [], name);
      t.ok(readings.at(-1)!.through > readings[0]!.through, 'and it moves on');
    }
  },
);

t.test('a gateway clock that is set ends what was known, and begins anew on the other scale', together, async (t) => {
  const moving = opc.add('moved', DataType.Double);
  const writing = setInterval(() => moving.setValueFromSource(double(Math.random())), 50);
  await Promise.all(
    [-3600e6, 3600e6].map(async (stepUs) => {
      let offset = 0;
      const clock = { ...systemClock, now: () => nowUs() + offset };
      const { source } = sourceOf(configOf(port, [tagOf('moved')]), dataDir, { clock });
      const readings = await take(source, (readings) => {
        if (readings.length === 3) offset = stepUs;
        const resumed = readings.findIndex(({ resumed }) => resumed);
        return resumed > 0 && readings.length > resumed + 2;
      });
      const resumed = readings.findIndex(({ resumed }) => resumed);
      const [before, after] = [readings[resumed - 1]!.through, readings[resumed]!.through];
      t.ok(Math.abs(before - nowUs()) < 60e6, 'nothing was claimed on the new scale by the session before');
      t.ok(Math.abs(after - (nowUs() + stepUs)) < 60e6 && after <= nowUs() + stepUs);
      t.ok(samplesOf([readings[resumed]!], 1).length > 0);
    }),
  ).finally(() => clearInterval(writing));
});

t.test('a namespace that comes while the session lives has its nodes measured', together, async (t) => {
  const late = (path: string) => ({ path, node: 'nsu=urn:payesh:late;s=x', type: 'int' });
  const groups = [
    { publishingIntervalMs: 50, samplingIntervalMs: 20, tags: [late('a/subscribed')] },
    { mode: 'poll', samplingIntervalMs: 200, tags: [late('a/polled')] },
  ];
  const { source } = sourceOf(configOf(port, [], {}, { groups }), dataDir);
  let isThere = false;
  const readings = await take(source, (readings) => {
    if (!isThere) {
      isThere = true;
      const browseName = 'x';
      const namespace = opc.addressSpace.registerNamespace('urn:payesh:late');
      namespace.addVariable({
        componentOf: opc.device,
        browseName,
        nodeId: 's=x',
        dataType: 'Int32',
        value: int32(4),
      } as never);
    }
    return [1, 2].every((tag) => samplesOf(readings, tag).at(-1)!.value === 4);
  });
  t.notOk(readings.some(({ resumed }) => resumed));
});

t.test(
  'an element is the one that was asked for, whatever is left of the array and whoever picks it',
  alone,
  async (t) => {
    const array = opc.add('shrinking', DataType.Double, { valueRank: 1, arrayDimensions: [0] });
    const write = (...values: number[]) =>
      array.setValueFromSource({ dataType: DataType.Double, arrayType: 1, value: new Float64Array(values) } as never);
    const ignore = (nodes: readonly { indexRange?: unknown }[]) => {
      for (const node of nodes) node.indexRange = new NumericRange();
    };
    for (const picks of [true, false]) {
      const undo = picks
        ? []
        : [
            tamper('Read', ({ nodesToRead }: { nodesToRead: { indexRange?: unknown }[] }) => ignore(nodesToRead)),
            tamper(
              'CreateMonitoredItems',
              ({ itemsToCreate }: { itemsToCreate: { itemToMonitor: { indexRange?: unknown } }[] }) =>
                ignore(itemsToCreate.map(({ itemToMonitor }) => itemToMonitor)),
            ),
          ];
      for (const mode of modes) {
        for (const before of [[1, 2, 3], [9]]) {
          write(...before);
          const config = configOf(port, [tagOf('shrinking', 'float', { index: '2' })], {
            mode,
            samplingIntervalMs: 50,
          });
          const readings = await take(sourceOf(config, dataDir).source, (readings) => {
            if (readings.length === 1) write(7, 8, 5);
            const now = samplesOf(readings, 1).at(-1)!;
            if (now.value === 5) write(7.5);
            return samplesOf(readings, 1).some(({ value }) => value === 5) && now.value !== 5;
          });
          const seen = samplesOf(readings, 1).map(({ value, quality: code }) => value ?? code);
          const name = `${mode}, ${picks ? 'the server picks' : 'the server ignores the index'}`;
          const changes = seen.filter((one, i) => one !== seen[i - 1]);
          t.same(changes, [before.length === 3 ? 3 : badIndexRangeNoData, 5, badIndexRangeNoData], name);
        }
      }
      for (const one of undo) one();
    }
  },
);

t.test('the names of an enumeration are for its values; the bits of an option set have none', alone, async (t) => {
  const optionSet = opc.namespace.createDataType({ browseName: 'Bits', isAbstract: false, subtypeOf: 'UInt16' });
  const enumeration = ['Ready', 'Running', 'Fault'];
  const definition = opc.namespace.addEnumerationType({ browseName: 'BitNames', enumeration });
  const readAttribute = optionSet.readAttribute.bind(optionSet);
  // As the standard has it for both: for an option set, the values are the numbers of the bits.
  optionSet.readAttribute = (context, attributeId, ...rest) =>
    (attributeId === AttributeIds.DataTypeDefinition ? definition.readAttribute.bind(definition) : readAttribute)(
      context,
      attributeId,
      ...rest,
    );
  opc.add('bits', optionSet.nodeId as never, { value: { dataType: DataType.UInt16, value: 2 } });
  const named = opc.add('holed', DataType.Int32, { value: int32(2) });
  const enumValues = opc.namespace.addVariable({
    propertyOf: named,
    browseName: { name: 'EnumValues', namespaceIndex: 0 },
    dataType: 'EnumValueType',
    valueRank: 1,
    value: {
      dataType: DataType.ExtensionObject,
      arrayType: VariantArrayType.Array,
      value: [new EnumValueType({ value: [0, 2], displayName: 'Execute' })],
    },
  } as never);
  // The library does not take it so, and sends it all the same.
  (enumValues.readValue().value.value as unknown[]).unshift(null);
  const tags = [tagOf('bits', 'string'), tagOf('bits', 'int', { path: 'a/number' }), tagOf('holed', 'string')];
  for (const mode of modes) {
    const [first] = await take(sourceOf(configOf(port, tags, { mode }), dataDir).source, () => true);
    t.same(
      first!.samples.map(({ value, quality: code }) => value ?? code),
      [quality.badTypeMismatch, 2, 'Execute'],
      mode,
    );
  }
});

t.test('a field that a structure does not have just now is Bad, of whatever type', alone, async (t) => {
  const types = opc.addressSpace.registerNamespace('urn:payesh:optional');
  const optional = (name: string, dataType: DataType) => ({ name, dataType, valueRank: -1, isOptional: true }) as never;
  const dataType = types.createDataType({
    browseName: 'Maybe',
    isAbstract: false,
    subtypeOf: 'Structure',
    partialDefinition: [
      { name: 'Sure', dataType: DataType.Double, valueRank: -1 } as never,
      optional('Count', DataType.Int64),
      optional('Word', DataType.String),
      optional('Load', DataType.Float),
      optional('Is', DataType.Boolean),
    ],
  });
  types.addObject({
    encodingOf: dataType,
    browseName: { name: 'Default Binary', namespaceIndex: 0 },
    typeDefinition: 'DataTypeEncodingType',
  } as never);
  await ensureDatatypeExtracted(opc.addressSpace);
  opc.add('maybe', dataType.nodeId as never).setValueFromSource({
    dataType: DataType.ExtensionObject,
    value: opc.addressSpace.constructExtensionObject(dataType, { sure: 1.5 }),
  } as never);
  const field = (name: string, type: string) => tagOf('maybe', type, { path: `a/${name.toLowerCase()}`, field: name });
  const tags = [
    field('Sure', 'float'),
    field('Count', 'int'),
    field('Word', 'string'),
    field('Load', 'float'),
    field('Is', 'bool'),
  ];
  for (const mode of modes) {
    const [first] = await take(sourceOf(configOf(port, tags, { mode }), dataDir).source, () => true);
    const values = first!.samples.map(({ value, quality: code }) => value ?? code);
    const badNoMatch = 0x806f0000;
    t.same(values, [1.5, badNoMatch, badNoMatch, badNoMatch, badNoMatch], mode);
  }
});

t.test('a node that no text can name is left out, and the others are found', alone, async (t) => {
  const odd = opc.namespace.addObject({ componentOf: opc.device, browseName: 'odd', nodeId: 's=odd' });
  for (const [i, nodeId] of [coerceNodeId(`s=${'x'.repeat(5000)}`, opc.namespace.index), 's=plain'].entries()) {
    opc.namespace.addVariable({
      componentOf: odd,
      browseName: `v${i}`,
      nodeId,
      dataType: DataType.Double,
      value: double(i),
    } as never);
  }
  const config = configOf(port, [], { discover: [{ from: '/device/odd', under: 'odd' }] });
  const { source, declared, ids } = sourceOf(config, dataDir);
  await take(source, (readings) => samplesOf(readings, ids.get('odd/v1') ?? -1).length > 0);
  t.same(
    declared[0]!.map(({ path }) => path),
    ['odd/v1'],
  );
});

t.test('a server that revises intervals to nonsense is borne', alone, async (t) => {
  const steady = opc.add('steady', DataType.Double);
  let step = 0;
  const writing = setInterval(() => steady.setValueFromSource(double(++step)), 50);
  for (const [interval, count] of [
    [0, 0],
    [Number.NaN, 3],
    [50, 0xffffffff],
    [1e300, 10],
  ] as const) {
    const undo = answer(
      'CreateSubscription',
      (response: { revisedPublishingInterval: number; revisedMaxKeepAliveCount: number }) => {
        response.revisedPublishingInterval = interval;
        response.revisedMaxKeepAliveCount = count;
      },
    );
    const { source, warnings } = sourceOf(configOf(port, [tagOf('steady')]), dataDir);
    const readings = await take(source, ({ length }) => length > 20).finally(undo);
    t.same(warnings, [], `${interval} ms, ${count}`);
    t.ok(readings.at(-1)!.through > readings[0]!.through, 'what is known moves on');
  }
  clearInterval(writing);
});

t.test('an index that a server takes and then cannot use is picked here', alone, async (t) => {
  const array = opc.add('late-refusal', DataType.Double, { valueRank: 1, arrayDimensions: [0] });
  array.setValueFromSource({ dataType: DataType.Double, arrayType: 1, value: new Float64Array([1, 2, 3]) } as never);
  const ranged = new Set<number>();
  type Create = { itemToMonitor: { indexRange: NumericRange }; requestedParameters: { clientHandle: number } };
  const undo = [
    tamper('CreateMonitoredItems', ({ itemsToCreate }: { itemsToCreate: Create[] }) => {
      for (const { itemToMonitor, requestedParameters } of itemsToCreate)
        if (!itemToMonitor.indexRange.isEmpty()) ranged.add(requestedParameters.clientHandle);
    }),
    answer('Publish', ({ notificationMessage }: PublishResponse) => {
      for (const data of notificationMessage?.notificationData ?? [])
        for (const item of (data as { monitoredItems?: { clientHandle: number; value: DataValue }[] }).monitoredItems ??
          [])
          if (ranged.has(item.clientHandle))
            item.value = new DataValue({ statusCode: StatusCodes.BadIndexRangeInvalid });
    }),
  ];
  const { source } = sourceOf(configOf(port, [tagOf('late-refusal', 'float', { index: '2' })]), dataDir);
  const [first] = await take(source, () => true).finally(() => {
    for (const one of undo) one();
  });
  t.equal(ranged.size, 1);
  t.match(first!.samples, [{ value: 3, quality: quality.good }]);
});

t.test('a value that is too large for any answer costs the others nothing', alone, async (t) => {
  const value = Buffer.alloc(20_000_000);
  opc.add('large', DataType.ByteString).setValueFromSource({ dataType: DataType.ByteString, value } as never);
  const names = Array.from({ length: 40 }, (_, i) => `small-${i}`);
  for (const name of names) opc.add(name, DataType.Int32).setValueFromSource(int32(1));
  let reads = 0;
  const undo = tamper('Read', () => reads++);
  const tags = [...names.map((name) => tagOf(name, 'int')), tagOf('large', 'string')];
  const { source } = sourceOf(configOf(port, tags, { mode: 'poll', samplingIntervalMs: 100 }), dataDir);
  let before = 0;
  const readings = await take(source, (readings) => {
    if (readings.length === 2) before = reads;
    return readings.length === 12;
  }).finally(undo);
  t.ok(reads - before <= 14, `${reads - before} requests for ten slots`);
  t.ok(readings.every(({ slots }) => slots!.good === 40 && slots!.bad === 1));
});
