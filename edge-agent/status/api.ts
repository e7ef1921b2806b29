/** What can be asked of a running agent: by anybody on loopback what it knows, over its socket also what it shall do. */
import { z } from 'zod';
import { ConnectionError, RejectedError } from '../../protocols/errors.ts';
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import type { Reloaded } from '../acquire/reload.ts';
import type { AgentReport, TagReport } from './report.ts';
import { type Routes, StatusError } from './server.ts';

export interface StatusApi {
  report(): Promise<AgentReport>;
  tags(source?: string): readonly TagReport[];
  /** Why the agent cannot do its work; empty when it can. */
  reasons(): readonly string[];
  metrics(): Promise<{ readonly text: string; readonly type: string }>;
  /** @throws {ConnectionError} the source is not up. @throws {RejectedError} it cannot be read, or there is no such source. */
  inspect(source: string, request: InspectRequest, signal: AbortSignal): Promise<Inspection>;
  /** @throws {ConfigError} */
  reload(): Promise<Reloaded>;
}

const inspectTimeoutMs = 15_000;

const questionSchema = z.strictObject({
  source: z.string(),
  request: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('opcua'),
      node: z.string(),
      index: z.string().optional(),
      field: z.string().optional(),
    }),
    z.strictObject({
      kind: z.literal('modbus'),
      unit: z.int().min(0).max(255),
      table: z.enum(['coil', 'discrete', 'holding', 'input']),
      address: z.int().min(0).max(65_535),
      count: z.int().min(1).max(2000),
    }),
  ]),
});

/** Reads only: for everybody on this machine. */
export const readRoutes = (api: StatusApi): Routes => ({
  'GET /healthz': async () => ({ status: 200, body: { ok: true } }),
  'GET /readyz': async () => {
    const reasons = api.reasons();
    return { status: reasons.length > 0 ? 503 : 200, body: { ok: reasons.length === 0, reasons } };
  },
  'GET /metrics': async () => {
    const { text, type } = await api.metrics();
    return { status: 200, body: text, type };
  },
  'GET /api/status': async () => ({ status: 200, body: await api.report() }),
  'GET /api/tags': async ({ url }) => ({
    status: 200,
    body: { tags: api.tags(url.searchParams.get('source') ?? undefined) },
  }),
});

/** Also what only whoever may use the socket shall do. */
export const socketRoutes = (api: StatusApi): Routes => ({
  ...readRoutes(api),
  'POST /api/inspect': async ({ body, signal }) => {
    const question = questionSchema.safeParse(await body());
    if (!question.success) throw new StatusError(400, question.error.issues[0]!.message);
    const { source, request } = question.data;
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(inspectTimeoutMs)]);
      return { status: 200, body: { inspection: await api.inspect(source, request, limited) } };
    } catch (error) {
      if (error instanceof ConnectionError) throw new StatusError(409, error.message);
      if (error instanceof RejectedError) throw new StatusError(422, error.message);
      if ((error as Error).name === 'TimeoutError') throw new StatusError(409, `${source} does not answer in time`);
      throw error;
    }
  },
  'POST /api/reload': async () => ({ status: 200, body: await api.reload() }),
});
