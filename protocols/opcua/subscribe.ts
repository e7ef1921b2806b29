/** What is asked of a server for a group's subscription (OPC 10000-4 5.14.2), and what is made of its answer. */
import type { Clock } from '../clock.ts';
import type { OpcuaGroup } from './config.ts';
import type { Services } from './services.ts';

const keepAliveMs = 2000;
/** Keep-alives that may fail to come. */
const missedKeepAlives = 3;
/** A process that was busy for so long has not lost its subscription. */
const minSilenceMs = 5000;
/** A timer bears no more. */
const maxSilenceMs = 2 ** 31 - 1;
/** The server drops a subscription for which no request came for so long; wall time. */
const lifetimeMs = 60_000;
/** Longer is none. */
const maxPublishingMs = 86_400_000;
const maxCount = 2 ** 31;
const maxNotificationsPerPublish = 4096;

export interface Subscription {
  readonly id: number;
  /** Wall time. */
  readonly publishingMs: number;
  /** So long, wall time, nothing may be heard of it. */
  readonly silenceMs: number;
}

export async function subscribe(
  { publishingIntervalMs }: Pick<OpcuaGroup, 'publishingIntervalMs'>,
  services: Pick<Services, 'createSubscription'>,
  clock: Pick<Clock, 'wallMs'>,
): Promise<Subscription> {
  const wantedMs = clock.wallMs(publishingIntervalMs);
  const wantedCount = Math.max(1, Math.ceil(keepAliveMs / publishingIntervalMs));
  const created = await services.createSubscription({
    requestedPublishingInterval: wantedMs,
    requestedMaxKeepAliveCount: wantedCount,
    // At least three times the keep-alive count.
    requestedLifetimeCount: Math.max(3 * wantedCount, Math.ceil(lifetimeMs / wantedMs)),
    maxNotificationsPerPublish,
    publishingEnabled: true,
    priority: 0,
  });
  // A server that revises them to nothing, to no number or beyond all use has not said anything.
  const publishingMs = positive(created.revisedPublishingInterval, maxPublishingMs) ?? wantedMs;
  const keepAliveCount = positive(created.revisedMaxKeepAliveCount, maxCount) ?? wantedCount;
  const silenceMs = missedKeepAlives * publishingMs * keepAliveCount;
  return {
    id: created.subscriptionId,
    publishingMs,
    silenceMs: Math.min(maxSilenceMs, Math.max(silenceMs, minSilenceMs)),
  };
}

const positive = (value: number, most: number): number | undefined => (value > 0 && value <= most ? value : undefined);
