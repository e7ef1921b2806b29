/** Links between the pages of an answer (RFC 8288). */
import type { FastifyRequest } from 'fastify';

/** The same request with another cursor, as the value of a Link header. */
export function nextLink({ url }: FastifyRequest, cursor: string): string {
  const [path, query] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `<${path}?${parameters}>; rel="next"`;
}
