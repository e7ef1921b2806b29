/** Which tag type fits a server's data type: the built-in type that it is derived from says (OPC 10000-5 12, 10000-6 5.1.2). */
import {
  AttributeIds,
  BrowseDirection,
  coerceNodeId,
  DataTypeIds,
  NodeId as Node,
  type NodeId,
  ReferenceTypeIds,
} from 'node-opcua-client';
import type { TagType } from '../sample.ts';
import type { Services } from './services.ts';

export interface KnownType {
  /** As the server names it. */
  readonly name: string;
  /** undefined for what no tag can hold as it is: structures, variants. */
  readonly type: TagType | undefined;
  readonly isEnumeration: boolean;
}

const tagTypes: ReadonlyMap<number, TagType> = new Map([
  [DataTypeIds.Boolean, 'bool'],
  ...[
    DataTypeIds.SByte,
    DataTypeIds.Byte,
    DataTypeIds.Int16,
    DataTypeIds.UInt16,
    DataTypeIds.Int32,
    DataTypeIds.UInt32,
    DataTypeIds.Int64,
    DataTypeIds.UInt64,
    DataTypeIds.Integer,
    DataTypeIds.UInteger,
    DataTypeIds.Enumeration,
  ].map((id) => [id, 'int'] as const),
  ...[DataTypeIds.Float, DataTypeIds.Double, DataTypeIds.Number].map((id) => [id, 'float'] as const),
  ...[
    DataTypeIds.String,
    DataTypeIds.DateTime,
    DataTypeIds.Guid,
    DataTypeIds.ByteString,
    DataTypeIds.XmlElement,
    DataTypeIds.QualifiedName,
    DataTypeIds.LocalizedText,
  ].map((id) => [id, 'string'] as const),
] as [number, TagType][]);

const maxGenerations = 10;

/** Learns the types that it is asked for, each once. */
export function createTypeBook(
  services: Pick<Services, 'read' | 'browse'>,
): (types: readonly NodeId[]) => Promise<ReadonlyMap<string, KnownType>> {
  const known = new Map<string, KnownType>();
  return async (types) => {
    const unknown = [...new Map(types.map((node) => [node.toString(), node])).values()].filter(
      (node) => !known.has(node.toString()),
    );
    if (unknown.length > 0) {
      const names = await services.read(unknown.map((nodeId) => ({ nodeId, attributeId: AttributeIds.BrowseName })));
      const ancestors = await ancestry(services, unknown);
      for (const [i, node] of unknown.entries()) {
        known.set(node.toString(), {
          name: names[i]!.result?.value?.value?.name ?? String(node),
          type: tagTypes.get(ancestors[i] ?? 0),
          isEnumeration: ancestors[i] === DataTypeIds.Enumeration,
        });
      }
    }
    return known;
  };
}

/** The nearest ancestor of which a tag type is known, or the type itself. */
async function ancestry(services: Pick<Services, 'browse'>, nodes: readonly NodeId[]): Promise<(number | undefined)[]> {
  const found = nodes.map(builtInOf);
  const current: (NodeId | undefined)[] = nodes.map((node, i) => (found[i] ? undefined : node));
  for (let generation = 0; generation < maxGenerations; generation++) {
    const open = [...current.entries()].flatMap(([i, node]) => (node ? [{ i, node }] : []));
    if (open.length === 0) break;
    const parents = await services.browse(
      open.map(({ node }) => ({
        nodeId: node,
        referenceTypeId: coerceNodeId(ReferenceTypeIds.HasSubtype),
        includeSubtypes: false,
        browseDirection: BrowseDirection.Inverse,
        nodeClassMask: 0,
        resultMask: 0,
      })),
    );
    for (const [o, { i }] of open.entries()) {
      const parent = parents[o]!.result?.references?.[0]?.nodeId;
      const node = parent && new Node(parent.identifierType, parent.value, parent.namespace);
      found[i] = node && builtInOf(node);
      current[i] = found[i] ? undefined : node;
    }
  }
  return found;
}

const builtInOf = ({ namespace, value }: NodeId): number | undefined =>
  namespace === 0 && typeof value === 'number' && tagTypes.has(value) ? value : undefined;
