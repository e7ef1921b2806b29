/**
 * Every error of the API as RFC 9457 `application/problem+json`: in the caller's language, and in both under `messages`.
 * What the hub itself got wrong goes to its log and never to the caller.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ConnectionError } from '../../../protocols/errors.ts';
import { validationWords } from '../../validation-words.ts';
import { inLanguage, joined, type Language, languageOf, type Said, type Words } from '../../words.ts';

const kinds = {
  invalid: { status: 400, en: 'The request is not valid', fa: 'درخواست معتبر نیست' },
  unauthorized: { status: 401, en: 'A valid token is needed', fa: 'توکن معتبر لازم است' },
  forbidden: { status: 403, en: 'The token does not permit this', fa: 'این توکن اجازهٔ این کار را ندارد' },
  'not-found': { status: 404, en: 'There is no such thing', fa: 'چنین چیزی وجود ندارد' },
  conflict: { status: 409, en: 'It contradicts what the hub holds', fa: 'با آنچه هاب دارد در تناقض است' },
  unreadable: { status: 400, en: 'The request cannot be read', fa: 'درخواست خواندنی نیست' },
  late: { status: 408, en: 'The request did not come whole in time', fa: 'درخواست به‌موقع کامل نرسید' },
  'too-large': { status: 413, en: 'The request is too large', fa: 'درخواست بیش از حد بزرگ است' },
  'unsupported-type': { status: 415, en: 'The content type is not supported', fa: 'نوع محتوا پشتیبانی نمی‌شود' },
  'too-long': { status: 431, en: 'Address and headers are too long', fa: 'نشانی و سرآیندها بیش از حد بلندند' },
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
  readonly message: Said;
}

/** Thrown by a route to answer with a problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly kind: ProblemKind;
  readonly detail: Said;
  readonly members: { readonly errors?: readonly FieldError[]; readonly reasons?: readonly string[] };
  constructor(kind: ProblemKind, detail: Said, members: ProblemError['members'] = {}) {
    super(inLanguage(detail, 'en'));
    this.kind = kind;
    this.detail = detail;
    this.members = members;
  }
  /** For fastify and its plugins. */
  get statusCode(): number {
    return kinds[this.kind].status;
  }
}

/** A parameter that cannot be taken, and what to do about it. */
export const invalid = (field: string, message: Said): ProblemError =>
  new ProblemError('invalid', joined([field, message], ': '), { errors: [{ field, message }] });

export const notFound = ({ en, fa }: Words): ProblemError =>
  new ProblemError('not-found', { en: `${en} is not known here`, fa: `${fa} اینجا شناخته نیست` });

/** For the OpenAPI document; every route shares it. */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional().meta({ description: 'what to do, in the language of Accept-Language' }),
    messages: z.object({ en: z.string(), fa: z.string() }).meta({ description: 'title and detail in both languages' }),
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
    sendProblem(request, reply, new ProblemError('not-found', noSuchRoute(request.method, pathOf(request.url))));
  });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: ProblemError): void {
  const { statusCode: status } = problem;
  const language = languageOf(request.headers['accept-language']);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (status === 503) reply.header('retry-after', '5');
  const body = problemText(problem, language);
  reply.code(status).header('content-language', language).type('application/problem+json').send(body);
}

/** The body of a problem, as JSON. */
export function problemText(problem: ProblemError, language: Language): string {
  const { kind, members } = problem;
  const detail = (said: Language) => (kind === 'internal' ? undefined : inLanguage(problem.detail, said));
  const whole = (said: Language) => [kinds[kind][said], detail(said)].filter(Boolean).join(': ');
  return JSON.stringify({
    type: `urn:payesh:problem:${kind}`,
    title: kinds[kind][language],
    status: problem.statusCode,
    code: kind,
    detail: detail(language),
    messages: { en: whole('en'), fa: whole('fa') },
    ...members,
    ...(members.errors && {
      errors: members.errors.map(({ field, message }) => ({ field, message: inLanguage(message, language) })),
    }),
  });
}

function toProblem(error: FastifyError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const errors = error.validation.flatMap((issue) => {
      const { keys } = issue.params as { keys?: string[] };
      const message = keys ? { en: 'is no parameter of this', fa: 'پارامتر این درخواست نیست' } : validationWords(issue);
      const fields = keys ?? [issue.instancePath.slice(1).replaceAll('/', '.')];
      return fields.map((field) => ({ field, message }));
    });
    const detail = joined(
      errors.map(({ field, message }) => joined([field, message], ': ')),
      '; ',
    );
    return new ProblemError('invalid', detail, { errors });
  }
  if (error instanceof ConnectionError)
    return new ProblemError('store-away', {
      en: 'samples are safe at their agents meanwhile',
      fa: 'داده‌ها تا آن زمان نزد عامل‌ها محفوظ‌اند',
    });
  if (error.name === 'TimeoutError')
    return new ProblemError('timeout', {
      en: 'narrow the window or ask for fewer things',
      fa: 'بازهٔ زمانی را کوتاه‌تر کنید یا موارد کمتری بخواهید',
    });
  if (error.statusCode === 413) return new ProblemError('too-large', { en: 'send it in parts', fa: 'بخش‌بخش بفرستید' });
  if (error.statusCode === 415) return new ProblemError('unsupported-type', sendJson);
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY') return new ProblemError('invalid', noJson);
  if (error.statusCode && error.statusCode < 500) return new ProblemError('invalid', error.message);
  return new ProblemError('internal', '');
}

const sendJson: Words = {
  en: 'send the body as JSON: "Content-Type: application/json"',
  fa: 'بدنه را به صورت JSON بفرستید: "Content-Type: application/json"',
};
const noJson: Words = { en: 'the body is no JSON that can be read', fa: 'بدنهٔ درخواست JSON خواندنی نیست' };

/** Ids that are paths are the usual reason. */
const noSuchRoute = (method: string, path: string): Words => ({
  en: `there is no ${method} ${path}; /api/v1/docs lists what there is. A path in an address has %2F for "/"`,
  fa: `${method} ${path} وجود ندارد؛ فهرست در /api/v1/docs است. مسیر در نشانی به جای «/» باید %2F داشته باشد`,
});

const pathOf = (url: string): string => url.split('?', 1)[0]!;
