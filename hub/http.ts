/** The hub's HTTP side, put together: the door, the API under /api/v1, health endpoints and the page. It does not listen yet. */
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { RouteContext } from './routes/asked/context.ts';
import { agentRoutes } from './routes/delivery/agents.ts';
import { commissioningRoutes } from './routes/delivery/commissioning.ts';
import { connectivityRoutes } from './routes/delivery/connectivity.ts';
import { deliveryRoutes } from './routes/delivery/delivery.ts';
import { verificationRoutes } from './routes/delivery/verification.ts';
import { answerWithEtags } from './routes/door/etags.ts';
import { guard } from './routes/door/guard.ts';
import { answerWithProblems, ProblemError } from './routes/door/problem.ts';
import { parseQuery } from './routes/door/query-string.ts';
import { answerUnreadable } from './routes/door/unreadable.ts';
import { baselineFitRoutes } from './routes/energy/baseline-fit.ts';
import { baselineRoutes } from './routes/energy/baselines.ts';
import { curtailmentRoutes } from './routes/energy/curtailments.ts';
import { energyDemandRoutes } from './routes/energy/energy-demand.ts';
import { energyFeedRoutes } from './routes/energy/energy-feed.ts';
import { energyStoredRoutes } from './routes/energy/energy-stored.ts';
import { exportRoutes } from './routes/files/exports.ts';
import { importRoutes } from './routes/files/imports.ts';
import { reportRoutes } from './routes/files/reports.ts';
import { dataQualityRoutes } from './routes/kpi/data-quality.ts';
import { kpiDefinitionRoutes } from './routes/kpi/kpi-definitions.ts';
import { kpiValueRoutes } from './routes/kpi/kpi-values.ts';
import { lineageRoutes } from './routes/kpi/lineage.ts';
import { recomputationRoutes } from './routes/kpi/recomputations.ts';
import { revisedValueRoutes } from './routes/kpi/revised-values.ts';
import { revisionRoutes } from './routes/kpi/revisions.ts';
import { liveRoutes } from './routes/live/live.ts';
import { auditRoutes } from './routes/operation/audit-events.ts';
import { healthRoutes } from './routes/operation/health.ts';
import { describeApi } from './routes/operation/openapi.ts';
import { servePage } from './routes/operation/page.ts';
import { assetRoutes } from './routes/plant/assets.ts';
import { calendarRoutes } from './routes/plant/calendars.ts';
import { entryRoutes } from './routes/plant/entries.ts';
import { plantRoutes } from './routes/plant/plants.ts';
import { productRoutes } from './routes/plant/products.ts';
import { tariffRoutes } from './routes/plant/tariffs.ts';
import { downtimeRoutes } from './routes/production/downtime.ts';
import { stateRoutes } from './routes/production/states.ts';
import { seriesRoutes } from './routes/samples/series.ts';
import { tagRoutes } from './routes/samples/tags.ts';

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
    clientErrorHandler: answerUnreadable,
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
    revisedValueRoutes,
    stateRoutes,
    downtimeRoutes,
    energyDemandRoutes,
    energyStoredRoutes,
    curtailmentRoutes,
    dataQualityRoutes,
    connectivityRoutes,
    tariffRoutes,
    calendarRoutes,
    productRoutes,
    baselineRoutes,
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
    if (running)
      throw new ProblemError('busy', {
        en: 'a verification or a replay is running already',
        fa: 'یک اثبات یا بازپخش در حال اجراست',
      });
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
