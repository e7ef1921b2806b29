/** The API's own description: OpenAPI 3.1 made from the routes' schemas, and a page to read and try it. Public: it holds no data. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { problemSchema } from '../door/problem.ts';
import { collectExamples } from './openapi-examples.ts';

export async function describeApi(app: FastifyInstance, prefix: string): Promise<void> {
  const transform = createJsonSchemaTransform({});
  const examples = collectExamples();
  app.addHook('onRoute', examples.note);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Payesh',
        version: '1',
        description:
          'Samples, KPIs and the proof of their delivery. Times are ISO 8601; dates may be Jalali (1404-04-16) or Gregorian, ' +
          'in Latin, Persian or Arabic digits, and mean the beginning of that business day; windows are half-open; null is ' +
          '"not known". Tables come as JSON, NDJSON, CSV, workbook or Parquet, by `format=` or Accept. Every error is an ' +
          'RFC 9457 problem in English and Persian. RateLimit headers tell what is left of the minute; If-None-Match with ' +
          'an ETag is answered 304 while nothing has changed.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transformObject: (described) => {
      if (!('openapiObject' in described)) return described.swaggerObject;
      examples.describe(described.openapiObject as Parameters<typeof examples.describe>[0]);
      return described.openapiObject;
    },
    transform: (document) => {
      const { schema, route } = document;
      if (!schema || schema.hide) return transform(document as Parameters<typeof transform>[0]);
      const problem = { description: 'Problem', content: { 'application/problem+json': { schema: problemSchema } } };
      const response = { ...(schema.response as object), default: problem };
      const security = route.config?.access === 'public' ? { security: [] } : {};
      return transform({ ...document, schema: { ...schema, ...security, response } } as Parameters<
        typeof transform
      >[0]);
    },
  });

  app.get(`${prefix}/openapi.json`, { config: { access: 'public' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  );

  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' };
    });
    await docs.register(swaggerUi, {
      routePrefix: `${prefix}/docs`,
      uiConfig: { layout: 'BaseLayout', defaultModelsExpandDepth: -1, validatorUrl: null },
      theme: { title: 'Payesh API' },
      // As strict as the page of Swagger UI allows: it styles elements in place and draws its icons from data URLs.
      staticCSP: {
        'default-src': "'none'",
        'script-src': "'self'",
        'style-src': "'self' 'unsafe-inline'",
        'img-src': "'self' data:",
        'connect-src': "'self'",
        'font-src': "'self'",
        'frame-ancestors': "'none'",
        'base-uri': "'none'",
        'form-action': "'self'",
      },
    });
  });
}
