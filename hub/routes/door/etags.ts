/**
 * Whoever has asked before can ask again for nothing: every JSON answer has an ETag of what it says, and If-None-Match
 * with it is answered 304. Weak (RFC 9110 §8.8.1): the moment in which an answer was made, and the cursor that tells the
 * same place anew, do not count.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const momentary = /"(generated_at|as_of|next_cursor)":"[^"]*"/g;
const hashLength = 27;

export function answerWithEtags(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const isJson = /^application\/json\b/.test(String(reply.getHeader('content-type')));
    if (request.method !== 'GET' || reply.statusCode !== 200 || !isJson || typeof payload !== 'string') return payload;
    const hash = createHash('sha256').update(payload.replaceAll(momentary, '"$1":""')).digest('base64url');
    const etag = `W/"${hash.slice(0, hashLength)}"`;
    reply.header('etag', etag);
    if (!isNamed(etag, request.headers['if-none-match'])) return payload;
    reply.code(304).removeHeader('content-type');
    return '';
  });
}

/** Compared weakly (§13.1.2). */
const isNamed = (etag: string, header = ''): boolean =>
  header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag.replace(/^W\//, ''));
