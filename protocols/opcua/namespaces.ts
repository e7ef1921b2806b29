/** A server's namespaces by index. While a session lives some may be added, and none may move (OPC 10000-5 6.3.1). */
import { coerceNodeId, type NodeId } from 'node-opcua-client';
import { parseNode } from './node.ts';
import { SessionLost } from './status.ts';

export interface Namespaces {
  /** Always the same array; it grows. */
  readonly uris: readonly string[];
  /** The node of a text `nsu=…;s=…`; undefined for a path, and when the server does not have the namespace. */
  nodeIdOf(node: string): NodeId | undefined;
  /** @throws {SessionLost} when one that was known is another now: whatever was found by index is not what it was. */
  learn(uris: unknown): void;
}

export function createNamespaces(): Namespaces {
  const uris: string[] = [];
  return {
    uris,
    nodeIdOf(node) {
      const address = parseNode(node);
      const index = address ? uris.indexOf(address.namespaceUri) : -1;
      return index < 0 ? undefined : coerceNodeId(address!.identifier, index);
    },
    learn(more) {
      if (!Array.isArray(more)) return;
      const texts = more.map((uri) => String(uri ?? ''));
      if (uris.some((uri, i) => texts[i] !== uri)) throw new SessionLost('the namespaces of the server have changed');
      uris.push(...texts.slice(uris.length));
    },
  };
}
