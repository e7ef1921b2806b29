/**
 * What must be known of some nodes beside their values: the names of an enumeration, for a tag of type string, and the
 * range of which a deadband is a part. Asked only where a tag needs it.
 */
import { AttributeIds, coerceNodeId, DataType, type DataValue, type NodeId } from 'node-opcua-client';
import { needsRange } from './filter.ts';
import type { Item } from './item.ts';
import { pathFrom, targetOf } from './resolve.ts';
import type { Outcome, Services } from './services.ts';

const hasProperty = coerceNodeId('i=46');

export async function learnTraits(items: readonly Item[], services: Services): Promise<void> {
  const known = items.filter((item): item is Item & { node: NodeId } => typeof item.node !== 'number');
  await learnRanges(known.filter(needsRange), services);
  await learnNames(
    known.filter(({ tag }) => tag.type === 'string'),
    services,
  );
}

/** EURange of an analog item (OPC 10000-8 5.3.2.3). */
async function learnRanges(items: readonly (Item & { node: NodeId })[], services: Services): Promise<void> {
  const values = await readProperties(
    items.map(({ node }) => node),
    'EURange',
    services,
  );
  for (const [i, item] of items.entries()) {
    const { low, high } = (values[i]?.value?.value ?? {}) as { low?: number; high?: number };
    if (low !== undefined && high !== undefined && low < high) item.range = [low, high];
  }
}

/**
 * EnumStrings or EnumValues of the variable (OPC 10000-8 5.3.3), of its data type, or that type's definition
 * (OPC 10000-3 8.14). A text needs none.
 */
async function learnNames(items: readonly (Item & { node: NodeId })[], services: Services): Promise<void> {
  const dataTypes = await services.read(
    items.map(({ node }) => ({ nodeId: node, attributeId: AttributeIds.DataType })),
  );
  const wanting = items.flatMap((item, i) => {
    const dataType = dataTypes[i]!.result?.value?.value as NodeId | undefined;
    return dataType && !isText(dataType) ? [{ item, dataType }] : [];
  });
  const nodes = new Map(
    wanting.flatMap(({ item, dataType }) => [item.node, dataType]).map((node) => [node.toString(), node]),
  );
  const names = new Map<string, ReadonlyMap<number, string>>();
  const learn = (
    values: readonly (DataValue | undefined)[],
    parse: (value: unknown) => ReadonlyMap<number, string> | undefined,
  ) => {
    for (const [i, key] of [...nodes.keys()].entries()) {
      const found = values[i]?.statusCode.isGood() ? parse(values[i].value.value) : undefined;
      if (found?.size && !names.has(key)) names.set(key, found);
    }
  };
  const all = [...nodes.values()];
  learn(await readProperties(all, 'EnumValues', services), namesOfValues);
  learn(await readProperties(all, 'EnumStrings', services), namesOfStrings);
  const definitions = await services.read(
    all.map((nodeId) => ({ nodeId, attributeId: AttributeIds.DataTypeDefinition })),
  );
  learn(
    definitions.map(({ result }) => result),
    namesOfDefinition,
  );
  for (const { item, dataType } of wanting) {
    item.wanted = { ...item.wanted, names: names.get(item.node.toString()) ?? names.get(dataType.toString()) };
  }
}

const isText = ({ namespace, value }: NodeId): boolean =>
  namespace === 0 && (value === DataType.String || value === DataType.LocalizedText || value === DataType.ByteString);

/** undefined where a node does not have the property. */
export async function readProperties(
  nodes: readonly NodeId[],
  name: string,
  services: Services,
): Promise<(DataValue | undefined)[]> {
  const paths = await services.translate(
    nodes.map((node) => pathFrom(node, [{ namespaceIndex: 0, name }], hasProperty)),
  );
  const targets = paths.map(targetOf);
  const there = targets.filter((target): target is NodeId => typeof target !== 'number');
  const values = await services.read(there.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
  const byNode = new Map<string, Outcome<DataValue>>(there.map((node, i) => [node.toString(), values[i]!]));
  return targets.map((target) => (typeof target === 'number' ? undefined : byNode.get(target.toString())?.result));
}

interface Named {
  readonly value?: unknown;
  readonly name?: string | null;
  readonly displayName?: { readonly text?: string | null } | null;
}

/** The position of a text is the value that it names. */
const namesOfStrings = (value: unknown): ReadonlyMap<number, string> =>
  new Map((Array.isArray(value) ? value : []).map((text: { text?: string | null }, i) => [i, text?.text ?? '']));

const namesOfValues = (value: unknown): ReadonlyMap<number, string> =>
  new Map(
    (Array.isArray(value) ? value : []).map((named: Named) => [int64(named.value), named.displayName?.text ?? '']),
  );

const namesOfDefinition = (value: unknown) =>
  new Map(
    ((value as { fields?: readonly Named[] | null } | null)?.fields ?? []).flatMap((field): [number, string][] =>
      'value' in field ? [[int64(field.value), field.name ?? '']] : [],
    ),
  );

/** Int64 comes in two halves. */
const int64 = (value: unknown): number =>
  Array.isArray(value) ? Number((BigInt(value[0] | 0) << 32n) | BigInt(value[1] >>> 0)) : Number(value);
