/**
 * Walks the tree of a server's nodes, the nearest first, and finds the variables whose browse names fit a pattern. A
 * node that can be reached in several ways is found once, so that circles end.
 */
import {
  type BrowseDescriptionOptions,
  BrowseDirection,
  coerceNodeId,
  type ExpandedNodeId,
  makeResultMask,
  NodeClass,
  NodeId,
  ObjectIds,
  type QualifiedName,
  ReferenceTypeIds,
} from 'node-opcua-client';
import { RejectedError } from '../errors.ts';
import { isBad } from '../sample.ts';
import { type Progress, parseGlob } from './glob.ts';
import type { BrowseStep } from './node.ts';
import type { Services } from './services.ts';
import { nameOf } from './status.ts';

export interface BrowseOptions {
  /** Of browse names below the beginning, see glob.ts. */
  readonly match: string;
  /** Nodes that are looked at, variables or not; then it ends. */
  readonly maxNodes: number;
  readonly namespaces: readonly string[];
  /** Called with the number of nodes seen so far. */
  readonly onProgress?: ((nodes: number) => void) | undefined;
  /** Called when what is below a node could not be had just now, though it is there: something may be missing. */
  readonly onHole?: (() => void) | undefined;
}

export interface FoundVariable {
  readonly nodeId: NodeId;
  /** `nsu=…;s=…`. */
  readonly node: string;
  /** Browse names below the beginning. */
  readonly steps: readonly BrowseStep[];
  readonly displayName: string;
}

/** BadUserAccessDenied, BadNodeIdUnknown: there is nothing for us, now and later. */
const closedToUs: ReadonlySet<number> = new Set([0x801f0000, 0x80340000]);
/** Asked for at a time, so that the first finds come soon. */
const nodesAtOnce = 500;
const hierarchical = coerceNodeId(ReferenceTypeIds.HierarchicalReferences);
const resultMask = makeResultMask('ReferenceType | NodeClass | BrowseName | DisplayName');

interface Place {
  readonly nodeId: NodeId;
  readonly steps: readonly BrowseStep[];
  readonly progress: Progress;
}

/**
 * What the server cannot be asked below is left out; the beginning itself must be there.
 * The server's diagnostics (OPC 10000-5, the Server object) are only walked when one begins there.
 * @throws {RejectedError} when the beginning cannot be browsed.
 */
export async function* browseTree(
  services: Pick<Services, 'browse'>,
  from: NodeId,
  options: BrowseOptions,
): AsyncGenerator<FoundVariable> {
  const { namespaces, maxNodes, onProgress, onHole } = options;
  const glob = parseGlob(options.match);
  /** How far into the pattern each node has been reached, by whatever way. */
  const seen = new Map<string, Set<number>>([[from.toString(), new Set(glob.begin)]]);
  const found = new Set<string>();
  let level: Place[] = [{ nodeId: from, steps: [], progress: glob.begin }];
  while (level.length > 0) {
    const next: Place[] = [];
    for (let first = 0; first < level.length && seen.size <= maxNodes; first += nodesAtOnce) {
      const batch = level.slice(first, first + nodesAtOnce);
      const outcomes = await services.browse(batch.map(({ nodeId }) => childrenOf(nodeId)));
      for (const [i, { steps, progress }] of batch.entries()) {
        const { result, status = result?.statusCode.value } = outcomes[i]!;
        if (status && steps.length === 0) throw notBrowsable(from, status);
        if (status && isBad(status) && !closedToUs.has(status)) onHole?.();
        for (const reference of result?.references ?? []) {
          const nodeId = localNode(reference.nodeId, namespaces);
          if (!nodeId || isAside(reference.referenceTypeId, nodeId)) continue;
          const key = nodeId.toString();
          const step = stepOf(reference.browseName, namespaces);
          const known = seen.get(key) ?? new Set();
          const reached = glob.step(progress, step.name).filter((position) => !known.has(position));
          if (reached.length === 0 || (known.size === 0 && seen.size > maxNodes)) continue;
          for (const position of reached) known.add(position);
          seen.set(key, known);
          const place = { nodeId, steps: [...steps, step], progress: reached };
          next.push(place);
          if (reference.nodeClass === NodeClass.Variable && glob.fits(reached) && !found.has(key)) {
            found.add(key);
            const displayName = reference.displayName?.text || step.name;
            yield { nodeId, node: nodeText(nodeId, namespaces), steps: place.steps, displayName };
          }
        }
      }
      onProgress?.(seen.size - 1);
    }
    level = next;
  }
}

const childrenOf = (nodeId: NodeId): BrowseDescriptionOptions => ({
  nodeId,
  referenceTypeId: hierarchical,
  includeSubtypes: true,
  browseDirection: BrowseDirection.Forward,
  nodeClassMask: NodeClass.Object | NodeClass.Variable,
  resultMask,
});

/** Properties say something of a variable, and the Server object of the server: neither is a measurement. */
const isAside = (referenceTypeId: NodeId, { namespace, value }: NodeId): boolean =>
  (referenceTypeId.namespace === 0 && referenceTypeId.value === ReferenceTypeIds.HasProperty) ||
  (namespace === 0 && value === ObjectIds.Server);

/** undefined for a node of another server. */
function localNode(
  { identifierType, value, namespace, namespaceUri, serverIndex }: ExpandedNodeId,
  namespaces: readonly string[],
) {
  if (serverIndex) return undefined;
  const index = namespaceUri ? namespaces.indexOf(namespaceUri) : namespace;
  return index < 0 ? undefined : new NodeId(identifierType, value, index);
}

const stepOf = ({ name, namespaceIndex }: QualifiedName, namespaces: readonly string[]): BrowseStep => ({
  name: name ?? '',
  namespaceUri: namespaces[namespaceIndex ?? 0],
});

const notBrowsable = (node: NodeId, status: number): RejectedError =>
  new RejectedError(`${node} cannot be browsed: ${nameOf(status)}`, { reason: 'not-browsable' });

/** By identifier type, OPC 10000-6 5.2.2.9: numeric, string, GUID, opaque. */
const identifierLetters: Readonly<Record<number, string>> = { 1: 'i', 2: 's', 3: 'g', 4: 'b' };

/** As `parseNode` reads it. */
function nodeText({ identifierType, value, namespace }: NodeId, namespaces: readonly string[]): string {
  const uri = (namespaces[namespace] ?? '').replaceAll('%', '%25').replaceAll(';', '%3B');
  const identifier = Buffer.isBuffer(value) ? value.toString('base64') : String(value);
  return `nsu=${uri};${identifierLetters[identifierType]}=${identifier}`;
}

/** As `parseBrowsePath` reads it, without namespaces: a name is seldom there twice. */
export const pathText = (steps: readonly BrowseStep[]): string =>
  steps.map(({ name }) => `/${name.replaceAll(/[&/]/g, '&$&')}`).join('');
