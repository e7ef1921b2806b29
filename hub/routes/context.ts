/** What the routes need of the hub; handed over once by `createHttp`. Everything in it is asked for, nothing is found by import. */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Access } from '../access/access.ts';
import type { Principal } from '../access/scope.ts';
import type { KpiDefinition, KpiValue } from '../kpi/kpi.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LatestValues } from '../live/latest.ts';
import type { TelemetryReader } from '../store/store.ts';
import type { Verification } from '../verify.ts';
import { createView, type View } from './view.ts';

export interface Asset {
  /** Full path, its site's included. */
  readonly path: string;
  readonly level: 'site' | 'area' | 'line' | 'unit' | 'meter';
  readonly name: { readonly fa: string; readonly en: string };
  readonly parent: string | null;
  readonly site: string;
}

export interface KpiSource {
  definitions(): readonly KpiDefinition[];
  assets(): readonly Asset[];
  /** All KPIs and all assets where none are named; the window is half-open. */
  evaluate(
    request: { kpis?: readonly string[]; assets?: readonly string[]; from: TimeUs; to: TimeUs },
    signal: AbortSignal,
  ): Promise<readonly KpiValue[]>;
}

export interface Readiness {
  readonly ok: boolean;
  /** Why not, for the operator. */
  readonly reasons: readonly string[];
}

export interface RouteContext {
  readonly access: Access;
  readonly ledger: Ledger;
  readonly reader: TelemetryReader;
  readonly kpis: KpiSource;
  readonly latest: LatestValues;
  /** The plant's clock: what "now" is in windows, ages and lags. */
  readonly clock: Clock;
  /** `deep`: compare every frame with the store, not a selection. */
  verify(signal: AbortSignal, deep: boolean): Promise<Verification>;
  ready(): Readiness;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  /** The window that the live page shows KPIs of: the site's running shift. Absent: the last hour. */
  liveWindow?(site: string, now: TimeUs): { readonly from: TimeUs; readonly to: TimeUs };
}

/** Who asks. Only for routes that are not public: there, the guard has let in nobody else. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Error('the route is public: nobody needs to be known');
  return request.principal;
}

export const viewOf = (request: FastifyRequest, context: RouteContext): View =>
  createView(principalOf(request).sites, context);
