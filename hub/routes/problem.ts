/**
 * Every error of the API as RFC 9457 `application/problem+json`, titled in the caller's language. What the hub itself got
 * wrong goes to its log and never to the caller.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ConnectionError } from '../../protocols/errors.ts';

const kinds = {
  invalid: { status: 400, en: 'The request is not valid', fa: 'درخواست معتبر نیست' },
  unauthorized: { status: 401, en: 'A valid token is needed', fa: 'توکن معتبر لازم است' },
  forbidden: { status: 403, en: 'The token does not permit this', fa: 'این توکن اجازهٔ این کار را ندارد' },
  'not-found': { status: 404, en: 'There is no such thing', fa: 'چنین چیزی وجود ندارد' },
  conflict: { status: 409, en: 'It contradicts what the hub holds', fa: 'با آنچه هاب دارد در تناقض است' },
  'too-large': { status: 413, en: 'The request is too large', fa: 'درخواست بیش از حد بزرگ است' },
  'unsupported-type': { status: 415, en: 'The content type is not supported', fa: 'نوع محتوا پشتیبانی نمی‌شود' },
  refused: { status: 422, en: 'The hub cannot accept this', fa: 'هاب نمی‌تواند این را بپذیرد' },
  'too-many-requests': { status: 429, en: 'Too many requests', fa: 'تعداد درخواست‌ها بیش از حد است' },
  internal: { status: 500, en: 'The hub failed; its log says why', fa: 'خطای داخلی هاب؛ علت در گزارش هاب است' },
  busy: { status: 503, en: 'The hub is busy; try again', fa: 'هاب مشغول است؛ دوباره تلاش کنید' },
  'not-ready': { status: 503, en: 'The hub is not ready', fa: 'هاب آماده نیست' },
  'store-away': { status: 503, en: 'The store is away; try again', fa: 'پایگاه داده در دسترس نیست؛ دوباره تلاش کنید' },
  timeout: { status: 503, en: 'It took too long', fa: 'زمان پاسخ به پایان رسید' },
} as const;
export type ProblemKind = keyof typeof kinds;

export interface FieldError {
  /** Name of the parameter; empty when it is none in particular. */
  readonly field: string;
  readonly message: string;
}

/** Thrown by a route to answer with a problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly kind: ProblemKind;
  readonly members: { readonly errors?: readonly FieldError[]; readonly reasons?: readonly string[] };
  constructor(kind: ProblemKind, detail: string, members: ProblemError['members'] = {}) {
    super(detail);
    this.kind = kind;
    this.members = members;
  }
  /** For fastify and its plugins. */
  get statusCode(): number {
    return kinds[this.kind].status;
  }
}

export const invalid = (field: string, message: string): ProblemError =>
  new ProblemError('invalid', `${field}: ${message}`, { errors: [{ field, message }] });

export const notFound = (what: string): ProblemError => new ProblemError('not-found', `${what} is not known here`);

/** For the OpenAPI document; every route shares it. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    reasons: z.array(z.string()).optional(),
  })
  .meta({ description: 'RFC 9457 problem' });

export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error);
    // A caller who left early gets nothing, and nothing went wrong.
    if (problem.kind === 'internal' && !request.signal.aborted)
      request.log.error({ err: error, url: request.url }, 'request failed');
    sendProblem(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    sendProblem(request, reply, new ProblemError('not-found', `there is no ${request.method} ${pathOf(request.url)}`));
  });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ProblemError): void {
  const { status, en, fa } = kinds[problem.kind];
  const persian = /^\s*fa\b/i.test(request.headers['accept-language'] ?? '');
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503) reply.header('retry-after', '5');
  const body = {
    type: `urn:payesh:problem:${problem.kind}`,
    title: persian ? fa : en,
    status,
    code: problem.kind,
    detail: problem.kind === 'internal' ? undefined : problem.message,
    ...problem.members,
  };
  reply
    .code(status)
    .header('content-language', persian ? 'fa' : 'en')
    .type('application/problem+json')
    .send(JSON.stringify(body));
}

function toProblem(error: FastifyError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.flatMap(({ instancePath, message, params }) => {
      const { keys } = params as { keys?: string[] };
      const fields = keys ?? [instancePath.slice(1).replaceAll('/', '.')];
      return fields.map((field) => ({ field, message: message ?? 'is not valid' }));
    });
    return new ProblemError('invalid', errors.map(({ field, message }) => `${field}: ${message}`).join('; '), {
      errors,
    });
  }
  if (error instanceof ConnectionError)
    return new ProblemError('store-away', 'samples are safe at their agents meanwhile');
  if (error.name === 'TimeoutError') return new ProblemError('timeout', 'narrow the window or ask for fewer things');
  if (error.statusCode === 413) return new ProblemError('too-large', error.message);
  if (error.statusCode === 415) return new ProblemError('unsupported-type', error.message);
  if (error.statusCode && error.statusCode < 500) return new ProblemError('invalid', error.message);
  return new ProblemError('internal', '');
}

const pathOf = (url: string): string => url.split('?', 1)[0]!;
