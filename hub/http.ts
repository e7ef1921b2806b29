/** The hub's HTTP side, put together: the door, the API under /api/v1, health endpoints and the page. It does not listen yet. */
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { agentRoutes } from './routes/agents.ts';
import { assetRoutes } from './routes/assets.ts';
import { auditRoutes } from './routes/audit-events.ts';
import { baselineFitRoutes } from './routes/baseline-fit.ts';
import { commissioningRoutes } from './routes/commissioning.ts';
import { connectivityRoutes } from './routes/connectivity.ts';
import type { RouteContext } from './routes/context.ts';
import { curtailmentRoutes } from './routes/curtailments.ts';
import { dataQualityRoutes } from './routes/data-quality.ts';
import { deliveryRoutes } from './routes/delivery.ts';
import { downtimeRoutes } from './routes/downtime.ts';
import { energyDemandRoutes } from './routes/energy-demand.ts';
import { energyFeedRoutes } from './routes/energy-feed.ts';
import { energyStoredRoutes } from './routes/energy-stored.ts';
import { entryRoutes } from './routes/entries.ts';
import { answerWithEtags } from './routes/etags.ts';
import { exportRoutes } from './routes/exports.ts';
import { guard } from './routes/guard.ts';
import { healthRoutes } from './routes/health.ts';
import { importRoutes } from './routes/imports.ts';
import { kpiDefinitionRoutes } from './routes/kpi-definitions.ts';
import { kpiValueRoutes } from './routes/kpi-values.ts';
import { lineageRoutes } from './routes/lineage.ts';
import { liveRoutes } from './routes/live.ts';
import { describeApi } from './routes/openapi.ts';
import { servePage } from './routes/page.ts';
import { plantListRoutes } from './routes/plant-lists.ts';
import { plantRoutes } from './routes/plants.ts';
import { answerWithProblems, ProblemError } from './routes/problem.ts';
import { parseQuery } from './routes/query-string.ts';
import { recomputationRoutes } from './routes/recomputations.ts';
import { reportRoutes } from './routes/reports.ts';
import { revisionRoutes } from './routes/revisions.ts';
import { seriesRoutes } from './routes/series.ts';
import { stateRoutes } from './routes/states.ts';
import { tagRoutes } from './routes/tags.ts';
import { verificationRoutes } from './routes/verification.ts';

export interface HttpOptions extends Omit<RouteContext, 'alone'> {
  readonly log?: FastifyBaseLogger;
  readonly requestsPerMinute?: number;
}

const apiPrefix = '/api/v1';
const maxBodyBytes = 1_048_576;
const requestTimeoutMs = 30_000;
/** For answers under way when the hub stops; also browsers open connections and then say nothing on them for a minute. */
const closeTimeoutMs = 2000;

export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    ...(options.log && {
      loggerInstance: options.log,
      logController: new LogController({ disableRequestLogging: true }),
    }),
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    exposeHeadRoutes: false,
    // An id of a KPI value holds the path of its asset.
    routerOptions: { maxParamLength: 1000, querystringParser: parseQuery },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerWithProblems(app);
  answerWithEtags(app);

  await app.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: contentSecurityPolicy } });
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), closeTimeoutMs).unref();
  });
  const { requestsPerMinute = 300 } = options;
  await guard(app, { tokens: options.access.tokens, requestsPerMinute });

  await describeApi(app, apiPrefix);
  const resources = [
    agentRoutes,
    deliveryRoutes,
    tagRoutes,
    commissioningRoutes,
    seriesRoutes,
    assetRoutes,
    plantRoutes,
    entryRoutes,
    importRoutes,
    recomputationRoutes,
    kpiDefinitionRoutes,
    kpiValueRoutes,
    lineageRoutes,
    revisionRoutes,
    stateRoutes,
    downtimeRoutes,
    energyDemandRoutes,
    energyStoredRoutes,
    curtailmentRoutes,
    dataQualityRoutes,
    connectivityRoutes,
    plantListRoutes,
    baselineFitRoutes,
    exportRoutes,
    reportRoutes,
    energyFeedRoutes,
    verificationRoutes,
    auditRoutes,
    liveRoutes,
  ];
  const context: RouteContext = { ...options, alone: oneAtATime() };
  for (const routes of resources) await app.register(routes(context), { prefix: apiPrefix });
  await app.register(healthRoutes(context));
  await servePage(app);
  return app;
}

function oneAtATime(): RouteContext['alone'] {
  let running = false;
  return async (work) => {
    if (running) throw new ProblemError('busy', 'a verification or a replay is running already');
    running = true;
    try {
      return await work();
    } finally {
      running = false;
    }
  };
}

const contentSecurityPolicy = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'font-src': ["'self'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'self'"],
  'require-trusted-types-for': ["'script'"],
};
