/**
 * A node as an operator writes it: `nsu=<namespace URI>;<s|i|g|b>=<identifier>` (OPC 10000-6 5.3.1.11). By URI only: the
 * index of a namespace may change whenever the server starts, and then another node would be read.
 */
export interface NodeAddress {
  readonly namespaceUri: string;
  /** Identifier with its type: `s=machine.state`, `i=2258`. */
  readonly identifier: string;
}

const identifiers: Record<string, RegExp> = {
  s: /^.{1,4096}$/s,
  i: /^\d{1,10}$/,
  g: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  b: /^[0-9a-z+/]+={0,2}$/i,
};

/** undefined when the text is no such address. */
export function parseNode(text: string): NodeAddress | undefined {
  const [, uri, type, value] = /^nsu=([^;]+);([sigb])=(.*)$/s.exec(text) ?? [];
  if (uri === undefined || !identifiers[type!]!.test(value!)) return undefined;
  if (type === 'i' && Number(value) > 0xffffffff) return undefined;
  // Only these two are escaped in a URI.
  const namespaceUri = uri.replaceAll(/%3b/gi, ';').replaceAll('%25', '%');
  return { namespaceUri, identifier: `${type}=${value}` };
}
