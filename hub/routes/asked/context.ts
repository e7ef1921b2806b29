/** What the routes need of the hub; handed over once by `createHttp`. Everything in it is asked for, nothing is found by import. */
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../protocols/clock.ts';
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Access } from '../../access/access.ts';
import type { Principal } from '../../access/scope.ts';
import type { Entries } from '../../entries/entries.ts';
import type { Exports } from '../../exports/exports.ts';
import type { Imports } from '../../imports/imports.ts';
import type { DeliveryActions } from '../../ingest/actions.ts';
import type { LedgerReader } from '../../ledger/ledger.ts';
import type { LatestValues } from '../../live/latest.ts';
import type { PlantBook } from '../../plant/book.ts';
import type { Verification } from '../../proof/verify.ts';
import type { Reports } from '../../reports/reports.ts';
import type { Recomputing } from '../../rollup/recomputing.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { KpiSource } from './kpi-source.ts';
import type { Window } from './times.ts';
import { createView, type View } from './view.ts';

export interface Readiness {
  readonly ok: boolean;
  /** Why not, for the operator. */
  readonly reasons: readonly string[];
}

export interface RouteContext {
  readonly access: Access;
  /** Of every ingest process that this hub shows. */
  readonly ledger: LedgerReader;
  readonly actions: DeliveryActions;
  readonly reader: TelemetryReader;
  readonly plants: PlantBook;
  readonly entries: Entries;
  readonly imports: Imports;
  readonly recomputing: Recomputing;
  readonly kpis: KpiSource;
  readonly exports: Exports;
  readonly reports: Reports;
  readonly latest: LatestValues;
  /** The plant's clock: what "now" is in windows, ages and lags. */
  readonly clock: Clock;
  /** `deep`: compare every frame with the store, not a selection. */
  verify(signal: AbortSignal, deep: boolean): Promise<Verification>;
  /** One proof or replay at a time: the one judges what the other moves. @throws {ProblemError} `busy` */
  alone<T>(work: () => Promise<T>): Promise<T>;
  ready(): Readiness;
  /** What works and still wants a person, each with what to do. */
  warnings(): readonly string[];
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  /** The window that the live page shows KPIs of: the site's running shift. Absent: the running hour. */
  liveWindow?(site: string, now: TimeUs): Window | undefined;
}

/** Who asks. Only for routes that are not public: there, the guard has let in nobody else. */
export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Error('the route is public: nobody needs to be known');
  return request.principal;
}

export const viewOf = (request: FastifyRequest, context: RouteContext): View =>
  createView(principalOf(request).sites, context);
