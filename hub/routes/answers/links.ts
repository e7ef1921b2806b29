/** Links between the pages of an answer (RFC 8288): who follows them needs to know nothing of how a table is paged. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Where the rest is: the same request with other parameters, as a Link header. */
export function linkNext(
  { url }: FastifyRequest,
  reply: FastifyReply,
  next: Readonly<Record<string, string | number>>,
): void {
  const [path, query] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(next)) parameters.set(name, String(value));
  reply.header('link', `<${path}?${parameters}>; rel="next"`);
}
