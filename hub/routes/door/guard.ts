/**
 * The door: who asks, how often, and whether they may. Every route says in `config.access` who may use it; a route that
 * does not keeps the hub from starting, so nothing is ever open by oversight.
 */
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify';
import { type Principal, type Role, roles } from '../../access/scope.ts';
import type { Tokens } from '../../access/tokens.ts';
import { ProblemError } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: 'public' | readonly Role[];
    /** What it shows cannot be parted by site: only tokens of every site may see it. */
    everySite?: boolean;
    /** Not counted: a probe that is refused would restart a healthy hub. */
    unlimited?: boolean;
    /** A request as somebody would make it, for the API's description; a test makes each of them. */
    example?: Example;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

export interface Example {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Where bodies are of several kinds: one of each, by its name. */
  readonly bodies?: Readonly<Record<string, object>>;
  /** Where the body is a file that another program has made. */
  readonly file?: string;
}

export const everyRole = roles;
export const overseers = ['manager', 'admin'] as const satisfies readonly Role[];

export interface GuardOptions {
  readonly tokens: Tokens;
  /** Per token, or per address for those without a valid one. */
  readonly requestsPerMinute: number;
}

export async function guard(app: FastifyInstance, { tokens, requestsPerMinute }: GuardOptions): Promise<void> {
  refuseUndeclared(app);
  app.decorateRequest('principal', null);

  app.addHook('onRequest', async (request) => {
    const [, secret] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    request.principal = (secret && tokens.authenticate(secret)) || null;
  });

  await app.register(rateLimit, { global: false, enableDraftSpec: true });
  const limit = app.rateLimit({
    max: requestsPerMinute,
    timeWindow: 60_000,
    keyGenerator: ({ principal, ip }) => (principal ? `token ${principal.id}` : `address ${ip}`),
    allowList: (request) => request.routeOptions.config.unlimited === true,
    errorResponseBuilder: (_request, { ttl, max }) =>
      new ProblemError('too-many-requests', {
        en: `${max} requests a minute are allowed; wait ${Math.ceil(ttl / 1000)} s`,
        fa: `در هر دقیقه ${max} درخواست مجاز است؛ ${Math.ceil(ttl / 1000)} ثانیه صبر کنید`,
      }),
  });
  app.addHook('onRequest', limit as onRequestHookHandler);

  app.addHook('onRequest', async (request) => {
    if (!request.is404) authorise(request);
  });
}

function authorise({ principal, routeOptions: { config } }: FastifyRequest): void {
  if (config.access === 'public') return;
  if (!principal) {
    throw new ProblemError('unauthorized', {
      en: 'send a token that is neither expired nor revoked: "Authorization: Bearer …"',
      fa: 'توکنی بفرستید که منقضی یا باطل نشده باشد: "Authorization: Bearer …"',
    });
  }
  const roles = config.access ?? [];
  if (!roles.includes(principal.role)) {
    throw new ProblemError('forbidden', {
      en: `the role ${principal.role} may not do this: it takes ${roles.join(' or ')}`,
      fa: `نقش ${principal.role} اجازهٔ این کار را ندارد: ${roles.join(' یا ')} لازم است`,
    });
  }
  if (config.everySite && principal.sites !== '*') {
    throw new ProblemError('forbidden', {
      en: 'this concerns every site, and the token sees only some',
      fa: 'این به همهٔ کارخانه‌ها مربوط است و توکن فقط برخی را می‌بیند',
    });
  }
}

function refuseUndeclared(app: FastifyInstance): void {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.addHook('onReady', async () => {
    const undeclared = routes.filter((route) => route.config?.access === undefined);
    if (undeclared.length > 0) {
      const names = undeclared.map((route) => `${route.method} ${route.url}`);
      throw new Error(`routes without config.access: ${names.join(', ')}`);
    }
  });
}
