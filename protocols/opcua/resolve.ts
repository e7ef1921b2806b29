/**
 * Finds the nodes that an operator wrote: by the URI of their namespace, or by a path of browse names, which must lead
 * to one node and no other. Done anew in every session, for an index may mean another namespace then.
 */
import {
  AttributeIds,
  BrowseDirection,
  coerceNodeId,
  type NodeId,
  type ReferenceDescription,
  VariableIds,
} from 'node-opcua-client';
import { quality } from '../sample.ts';
import { type BrowseStep, parseBrowsePath } from './node.ts';
import type { Services } from './services.ts';
import type { OpcuaSession } from './session.ts';
import { status } from './status.ts';

export type Resolved = NodeId | number;

const objectsFolder = coerceNodeId('i=85');
const hierarchicalReferences = coerceNodeId('i=33');
const everyResult = 63;

/** What is below a node, by browse name. */
const childrenOf = (nodeId: NodeId) => ({
  nodeId,
  browseDirection: BrowseDirection.Forward,
  referenceTypeId: hierarchicalReferences,
  includeSubtypes: true,
  nodeClassMask: 0,
  resultMask: everyResult,
});

/** Of paths that were found: each step with the index of its namespace, so that one request is enough to look again. */
export type KnownPaths = Map<string, readonly Qualified[]>;

const namespaceArray = { nodeId: coerceNodeId(VariableIds.Server_NamespaceArray), attributeId: AttributeIds.Value };

/** Asks for namespaces that have been added. What cannot be read just now is as it was. @throws {SessionLost} */
export async function refreshNamespaces(
  { namespaces }: Pick<OpcuaSession, 'namespaces'>,
  services: Pick<Services, 'read'>,
): Promise<void> {
  const [outcome] = await services.read([namespaceArray]);
  if (outcome?.result?.statusCode.isGood()) namespaces.learn(outcome.result.value?.value);
}

/** A node for each text, or the status that says why there is none. */
export async function resolveNodes(
  texts: readonly string[],
  { namespaces }: Pick<OpcuaSession, 'namespaces'>,
  services: Pick<Services, 'browse' | 'translate'>,
  known: KnownPaths = new Map(),
): Promise<Map<string, Resolved>> {
  const resolved = new Map<string, Resolved>();
  const qualified: KnownPaths = new Map();
  const loose = new Map<string, readonly BrowseStep[]>();
  for (const text of texts) {
    const steps = parseBrowsePath(text);
    if (!steps) resolved.set(text, namespaces.nodeIdOf(text) ?? quality.badNodeIdUnknown);
    else if (steps.every(isQualified)) {
      const names = steps.map(({ namespaceUri, name }) => ({
        namespaceIndex: namespaces.uris.indexOf(namespaceUri),
        name,
      }));
      if (names.some(({ namespaceIndex }) => namespaceIndex < 0)) resolved.set(text, status.badNoMatch);
      else {
        qualified.set(text, names);
        known.set(text, names);
      }
    } else loose.set(text, steps);
  }
  await translate(qualified, services, resolved);
  await walk(loose, namespaces.uris, services, resolved, known);
  return resolved;
}

/** Where paths that were found before lead now. Cheap enough to be asked at every read; the rest is found anew. */
export async function followPaths(
  texts: readonly string[],
  opcua: Pick<OpcuaSession, 'namespaces'>,
  services: Pick<Services, 'browse' | 'translate'>,
  known: KnownPaths,
): Promise<Map<string, Resolved>> {
  const resolved = new Map<string, Resolved>();
  const there = new Map(texts.flatMap((text) => (known.has(text) ? [[text, known.get(text)!] as const] : [])));
  await translate(there, services, resolved);
  const rest = texts.filter((text) => typeof (resolved.get(text) ?? 0) === 'number');
  for (const [text, node] of await resolveNodes(rest, opcua, services, known)) resolved.set(text, node);
  return resolved;
}

export interface Qualified {
  readonly namespaceIndex: number;
  readonly name: string;
}
const isQualified = (step: BrowseStep): step is Required<BrowseStep> & { namespaceUri: string } =>
  step.namespaceUri !== undefined;

/** OPC 10000-4 5.9.4. */
async function translate(
  paths: ReadonlyMap<string, readonly Qualified[]>,
  services: Pick<Services, 'translate'>,
  resolved: Map<string, Resolved>,
): Promise<void> {
  const texts = [...paths.keys()];
  const outcomes = await services.translate(
    texts.map((text) => pathFrom(objectsFolder, paths.get(text)!, hierarchicalReferences)),
  );
  for (const [i, text] of texts.entries()) resolved.set(text, targetOf(outcomes[i]!));
}

export const pathFrom = (startingNode: NodeId, names: readonly Qualified[], referenceTypeId: NodeId) => ({
  startingNode,
  relativePath: {
    elements: names.map((targetName) => ({ referenceTypeId, isInverse: false, includeSubtypes: true, targetName })),
  },
});

/** The one node to which a path leads. */
export function targetOf({ result, status: fault }: Awaited<ReturnType<Services['translate']>>[number]): Resolved {
  if (!result) return fault!;
  if (result.statusCode.isNotGood()) return result.statusCode.value;
  // Another server's node, or the rest of a path, is none of ours.
  const whole = (result.targets ?? []).filter(({ remainingPathIndex }) => remainingPathIndex === 0xffffffff);
  const nodes = uniqueNodes(whole.map(({ targetId }) => targetId));
  return nodes.length === 1 ? nodes[0]! : nodes.length === 0 ? status.badNoMatch : status.badTooManyMatches;
}

/** All paths together, one step at a time, every node browsed once. */
async function walk(
  paths: ReadonlyMap<string, readonly BrowseStep[]>,
  namespaces: readonly string[],
  services: Pick<Services, 'browse'>,
  resolved: Map<string, Resolved>,
  known: KnownPaths,
): Promise<void> {
  let open = [...paths].map(([text, steps]) => ({ text, steps, at: objectsFolder, names: [] as Qualified[] }));
  const children = new Map<string, readonly ReferenceDescription[] | number>();
  for (let depth = 0; open.length > 0; depth++) {
    const unknown = uniqueNodes(open.map(({ at }) => at)).filter((node) => !children.has(node.toString()));
    const outcomes = await services.browse(unknown.map(childrenOf));
    for (const [i, node] of unknown.entries()) {
      const { result, status: fault } = outcomes[i]!;
      const isGood = result?.statusCode.isGood();
      children.set(node.toString(), isGood ? (result!.references ?? []) : (fault ?? result!.statusCode.value));
    }
    open = open.flatMap(({ text, steps, at, names }) => {
      const below = children.get(at.toString())!;
      const step = typeof below === 'number' ? below : only(below, steps[depth]!, namespaces);
      const next = typeof step === 'number' ? step : step.nodeId;
      if (typeof step !== 'number') {
        names.push(step.name);
        if (depth + 1 < steps.length) return [{ text, steps, at: step.nodeId, names }];
        known.set(text, names);
      }
      resolved.set(text, next);
      return [];
    });
  }
}

function only(
  references: readonly ReferenceDescription[],
  { name, namespaceUri }: BrowseStep,
  namespaces: readonly string[],
): { readonly nodeId: NodeId; readonly name: Qualified } | number {
  const fitting = references.filter(
    ({ browseName }) =>
      browseName.name === name &&
      (namespaceUri === undefined || namespaces[browseName.namespaceIndex] === namespaceUri),
  );
  const nodes = uniqueNodes(fitting.map(({ nodeId }) => nodeId));
  if (nodes.length !== 1) return nodes.length === 0 ? status.badNoMatch : status.badTooManyMatches;
  return { nodeId: nodes[0]!, name: { namespaceIndex: fitting[0]!.browseName.namespaceIndex, name } };
}

export const uniqueNodes = (nodes: readonly NodeId[]): NodeId[] => [
  ...new Map(nodes.map((node) => [node.toString(), node])).values(),
];
