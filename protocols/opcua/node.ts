/**
 * A node as an operator writes it: `nsu=<namespace URI>;<s|i|g|b>=<identifier>` (OPC 10000-6 5.3.1.11), or a path of
 * browse names from the Objects folder, `/Press 1/Speed`. By URI only: the index of a namespace may change whenever the
 * server starts, and then another node would be read.
 */
export interface NodeAddress {
  readonly namespaceUri: string;
  /** Identifier with its type: `s=machine.state`, `i=2258`. */
  readonly identifier: string;
}

/** One step of a path. Without a namespace the name must be the only one of its kind there. */
export interface BrowseStep {
  readonly namespaceUri?: string | undefined;
  readonly name: string;
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
  return { namespaceUri: unescapeUri(uri), identifier: `${type}=${value}` };
}

/**
 * Steps joined by `/`; `&` makes the next character an ordinary one (OPC 10000-4 A.2), and `nsu=<namespace URI>;` before
 * a name says whose it is. undefined when the text is no such path.
 */
export function parseBrowsePath(text: string): readonly BrowseStep[] | undefined {
  if (!text.startsWith('/') || text.length > 4096) return undefined;
  const steps: string[] = [];
  let step = '';
  for (let i = 1; i < text.length; i++) {
    const isEscaped = text[i] === '&';
    if (isEscaped && ++i === text.length) return undefined;
    if (text[i] !== '/' || isEscaped) step += text[i];
    else {
      steps.push(step);
      step = '';
    }
  }
  steps.push(step);
  const parsed = steps.map((step): BrowseStep => {
    const [, uri, name] = /^nsu=([^;]+);(.*)$/s.exec(step) ?? [];
    return uri === undefined ? { name: step } : { namespaceUri: unescapeUri(uri), name: name! };
  });
  return parsed.every(({ name }) => name !== '') ? parsed : undefined;
}

export const isNode = (text: string): boolean => parseNode(text) !== undefined || parseBrowsePath(text) !== undefined;

/** What is wrong with a text that is no node. */
export const nodeMistake = (text: string): string =>
  /(^|;)ns=/.test(text)
    ? 'must name its namespace by URI, nsu=…, not by index: the index may change when the server starts'
    : 'must be nsu=<namespace URI>;s=<identifier> (or i=, g=, b=), or a path of browse names like /Press 1/Speed';

/** Only these two are escaped in a URI. */
const unescapeUri = (uri: string): string => uri.replaceAll(/%3b/gi, ';').replaceAll('%25', '%');
