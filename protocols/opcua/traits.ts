/**
 * What must be known of some nodes beside their values: the names of an enumeration, for a tag of type string, and the
 * range of which a deadband is a part. Asked only where a tag needs it.
 */
import { AttributeIds, coerceNodeId, DataType, type DataValue, type NodeId } from 'node-opcua-client';
import { isBad } from '../sample.ts';
import { createTypeBook } from './data-type.ts';
import { needsRange } from './filter.ts';
import { type Item, pickHere } from './item.ts';
import { pathFrom, targetOf, uniqueNodes } from './resolve.ts';
import type { Outcome, Services } from './services.ts';

const hasProperty = coerceNodeId('i=46');

export async function learnTraits(items: readonly Item[], services: Services): Promise<void> {
  const known = items.filter((item): item is Item & { node: NodeId } => typeof item.node !== 'number');
  await learnWhoPicks(
    known.filter(({ wanted }) => wanted.picked),
    services,
  );
  await learnRanges(known.filter(needsRange), services);
  await learnNames(
    known.filter(({ tag }) => tag.type === 'string'),
    services,
  );
}

/** So far does no array go. */
const beyond = 999_999_999;

/**
 * A server that knows no index ranges may send the whole array instead of refusing, and when that has one element left,
 * it looks like the one that was asked for. So it is asked for an element that cannot be there.
 */
async function learnWhoPicks(items: readonly (Item & { node: NodeId })[], services: Services): Promise<void> {
  const outcomes = await services.read(
    items.map(({ node, wanted }) => ({
      nodeId: node,
      attributeId: AttributeIds.Value,
      indexRange: wanted.index!.map(() => beyond).join(',') as never,
    })),
  );
  for (const [i, item] of items.entries()) {
    const { result } = outcomes[i]!;
    if (result && !isBad(result.statusCode.value)) pickHere(item);
  }
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
    // Of an endless range, every change would be within the deadband.
    if (low !== undefined && high !== undefined && low < high && Number.isFinite(high - low)) item.range = [low, high];
  }
}

/**
 * EnumStrings or EnumValues of the variable (OPC 10000-8 5.3.3), of its enumeration, or that one's definition
 * (OPC 10000-3 8.14). A text needs none. The definition of an option set names bits: a value of it has no name.
 */
async function learnNames(items: readonly (Item & { node: NodeId })[], services: Services): Promise<void> {
  const dataTypes = await services.read(
    items.map(({ node }) => ({ nodeId: node, attributeId: AttributeIds.DataType })),
  );
  const wanting = items.flatMap((item, i) => {
    const dataType = dataTypes[i]!.result?.value?.value as NodeId | undefined;
    return dataType && !isText(dataType) ? [{ item, dataType }] : [];
  });
  const types = await createTypeBook(services)(wanting.map(({ dataType }) => dataType));
  const enumerations = uniqueNodes(
    wanting.flatMap(({ dataType }) => (types.get(dataType.toString())?.isEnumeration ? [dataType] : [])),
  );
  const names = new Map<string, ReadonlyMap<number, string>>();
  const learn = (
    nodes: readonly NodeId[],
    values: readonly (DataValue | undefined)[],
    parse: (value: unknown) => ReadonlyMap<number, string>,
  ) => {
    for (const [i, node] of nodes.entries()) {
      const found = values[i]?.statusCode.isGood() ? parse(values[i].value?.value) : undefined;
      if (found?.size && !names.has(node.toString())) names.set(node.toString(), found);
    }
  };
  const all = uniqueNodes([...wanting.map(({ item }) => item.node), ...enumerations]);
  learn(all, await readProperties(all, 'EnumValues', services), namesOfValues);
  learn(all, await readProperties(all, 'EnumStrings', services), namesOfStrings);
  const definitions = await services.read(
    enumerations.map((nodeId) => ({ nodeId, attributeId: AttributeIds.DataTypeDefinition })),
  );
  learn(
    enumerations,
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
/** Anything may be null, and what has no name has none. */
type Names = readonly [value: number, name: string | null | undefined];
const listOf = <T>(value: unknown): readonly (T | null)[] => (Array.isArray(value) ? value : []);
const named = (names: readonly Names[]): ReadonlyMap<number, string> =>
  new Map(names.flatMap(([value, name]) => (name ? [[value, name] as const] : [])));

/** The position of a text is the value that it names. */
const namesOfStrings = (value: unknown) =>
  named(listOf<{ text?: string | null }>(value).map((text, i): Names => [i, text?.text]));

const namesOfValues = (value: unknown) =>
  named(listOf<Named>(value).map((one): Names => [int64(one?.value), one?.displayName?.text]));

const namesOfDefinition = (value: unknown) =>
  named(
    listOf<Named>((value as { fields?: unknown } | null)?.fields).map((one): Names => [int64(one?.value), one?.name]),
  );

/** Int64 comes in two halves. */
const int64 = (value: unknown): number =>
  Array.isArray(value) ? Number((BigInt(value[0] | 0) << 32n) | BigInt(value[1] >>> 0)) : Number(value);
