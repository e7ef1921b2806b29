/** Delivery put together, in the order in which frames go: broker → link → arrivals → ingest → store and ledger → answer. */
import type { Clock } from '../../protocols/clock.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { HubConfig } from '../config.ts';
import type { Ledger, LedgerPages } from '../ledger/ledger.ts';
import type { LatestValues } from '../live/latest.ts';
import type { TelemetryStore } from '../store/store.ts';
import { createArrivals } from './arrivals.ts';
import { createGreeter } from './greet.ts';
import { createIdentities } from './identity.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { createLink, type Link } from './link.ts';
import { createOwnership, type Ownership } from './ownership.ts';
import { createBrokerSession } from './session.ts';
import { spreadOf } from './spread.ts';
import { createSurplus } from './surplus.ts';
import { createWindows } from './windows.ts';

export interface DeliveryOptions {
  readonly config: HubConfig['ingest'];
  readonly broker: { readonly url: string; readonly password: string };
  readonly hubBoot: string;
  readonly ledger: Ledger;
  readonly store: TelemetryStore;
  readonly latest: LatestValues;
  /** Up to which number another hub's ledger has settled a stream. */
  settledElsewhere(agent: string, epoch: string): number;
  /** In whatever ledger it is. */
  readonly frameAt: LedgerPages['frameAt'];
  readonly clock: Clock;
  /** Ends at once what only waits. */
  readonly signal: AbortSignal;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface Delivery {
  /** Listens to agents until `stop` aborts; settles what has arrived until `end` does. */
  run(stop: AbortSignal, end: AbortSignal): Promise<void>;
  readonly ingest: Pick<Ingest, 'counts'>;
  readonly link: Pick<Link, 'faults'>;
  readonly ownership: Pick<Ownership, 'hub' | 'partitions' | 'generation' | 'owns'>;
  readonly heldBytes: number;
  readonly pausedAgents: number;
  /** Asks an agent to greet again, because its stream has gone back. */
  greetAgain(agent: string, epoch: string): void;
  /** Why nothing is taken now. */
  readonly blocked: readonly string[];
}

/** Forty commits a second at most, while groups are small. */
const paceMs = 25;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { config, broker, hubBoot, ledger, store, latest, clock, signal, log } = options;
  const now = (): TimeUs => clock.now();
  const { id: hub, partitions, generation, window, maxBytes, spreadMs } = config;
  const ownership = createOwnership({ hub, partitions, generation, log });
  const session = createBrokerSession({
    ...broker,
    hubBoot,
    spreadMs: () => spreadOf(ledger, spreadMs),
    ownership,
    log,
  });
  const arrivals = createArrivals(maxBytes, paceMs);
  const heldBytes = () => arrivals.bytes;
  const isBlocked = () => ingest.blocked !== undefined;
  const windows = createWindows({ most: window, maxBytes, heldBytes, isBlocked });
  const identities = createIdentities({ ledger, now, log });
  const surplus = createSurplus({ ledger, store, now });
  const link: Link = createLink({
    ledger,
    arrivals,
    ownership,
    windows,
    hubBoot,
    now,
    publish: session.publish,
    onHello: (agent, hello) => greet(agent, hello),
    onLive: (stream, samples) => latest.show(stream, samples),
    onLetGo: session.announce,
    log,
  });
  const greet = createGreeter({
    ledger,
    identities,
    store,
    settledElsewhere: options.settledElsewhere,
    frameAt: options.frameAt,
    follow: session.follow,
    owns: ownership.owns,
    reply: link.reply,
    fault: link.fault,
    now,
    signal,
    log,
  });
  const ingest = createIngest({
    arrivals,
    identities,
    ownership,
    ledger,
    writer: store.writer,
    surplus,
    now,
    reply: link.reply,
    onSettled: ({ stream, samples }, acceptedAt) => latest.update(stream, samples, acceptedAt),
    onRoom: link.resume,
    log,
  });
  return {
    ingest,
    link,
    ownership,
    async run(stop, end) {
      await Promise.all([ingest.run(end), session.run(link.handle, AbortSignal.any([stop, end]))]);
    },
    greetAgain(agent, epoch) {
      const stream = ledger.stream(agent, epoch);
      if (stream) link.reply(agent, { epoch, kind: 'nack', through: stream.through, reason: 'hello' });
    },
    get heldBytes() {
      return arrivals.bytes;
    },
    get pausedAgents() {
      return windows.paused;
    },
    get blocked() {
      return [session.blocked, ingest.blocked].filter((reason) => reason !== undefined);
    },
  };
}
