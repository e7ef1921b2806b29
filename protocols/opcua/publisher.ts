/**
 * Keeps a few Publish requests at the server for all subscriptions of a session, and sorts what it answers into one
 * stream for each (OPC 10000-4 5.14.5). A message that is missing is asked for again; a watchdog of our own decides
 * when a subscription has gone silent. When the reader does not keep up, no further request is sent: the server then
 * holds the values, and says so when its queues overflow.
 */
import {
  type ClientSessionPublishService,
  type MonitoredItemNotification,
  type NotificationMessage,
  PublishRequest,
  type PublishResponse,
} from 'node-opcua-client';
import type { Clock } from '../clock.ts';
import type { TimeUs } from '../sample.ts';
import { contentOf, countItems, isKeepAlive, type Message } from './message.ts';
import { createMessageOrder, type MessageOrder } from './message-order.ts';
import type { Outcome } from './services.ts';
import {
  endsSession,
  endsSubscription,
  faultOf,
  isTooManyPublishRequests,
  nameOf,
  SessionLost,
  SubscriptionLost,
} from './status.ts';

/** The messages of one subscription, in order and without holes. */
export interface MessageStream extends Disposable {
  /** What has come since the last call, a few thousand items at most. */
  take(): Message[];
  /** The reader has these: the server need not keep them for a retransmission. */
  acknowledge(sequenceNumbers: readonly number[]): void;
  /** Rejects when the subscription is lost; never resolves. What came before can still be taken. */
  readonly lost: Promise<never>;
}

export interface StreamOptions {
  /** A subscription of which nothing is heard for so long, wall time, is lost. */
  readonly silenceMs: number;
  /** Completes what came before it can be taken. */
  readonly prepare?: ((items: readonly MonitoredItemNotification[]) => Promise<void>) | undefined;
}

export interface Publisher extends Disposable {
  follow(subscriptionId: number, options: StreamOptions): MessageStream;
}

export interface PublisherOptions {
  readonly session: Pick<ClientSessionPublishService, 'publish'>;
  republish(subscriptionId: number, sequenceNumber: number): Promise<Outcome<NotificationMessage>>;
  readonly clock: Pick<Clock, 'now'>;
  /** What comes now, the server put together after this time. */
  sentAfter(): TimeUs;
  /** Something can be taken, or a stream is lost. */
  onNews(): void;
  /** No request is answered any more for a reason that is not one subscription's. */
  onFailure(error: Error): void;
}

/** Requests at the server beside one for each subscription: one under way, one in reserve. */
const requestsInReserve = 2;
/** What may wait for the reader, of all subscriptions. */
const maxWaitingItems = 20_000;
/** What the reader gets at a time. */
const maxItemsAtOnce = 4096;
/** Twelve days. */
const publishTimeoutMs = 2 ** 30;
/** More missing messages than that are not asked for one by one. */
const maxMissing = 16;

type Arrival = Pick<Message, 'receivedAt' | 'sentAfter' | 'complete'>;

interface Stream {
  readonly id: number;
  readonly silenceMs: number;
  readonly waiting: Message[];
  /** Of the requests that were sent since it is followed. */
  readonly since: number;
  readonly order: MessageOrder;
  /** The work on messages is done one after the other, as they came. */
  work: Promise<void>;
  readonly prepare: StreamOptions['prepare'];
  readonly watchdog: NodeJS.Timeout;
  lose(message: string, options?: { cause?: unknown; missing?: number }): void;
}

export function startPublisher({
  session,
  republish,
  clock,
  sentAfter,
  onNews,
  onFailure,
}: PublisherOptions): Publisher {
  const streams = new Map<number, Stream>();
  let acknowledgements: { subscriptionId: number; sequenceNumber: number }[] = [];
  let waitingItems = 0;
  let outstanding = 0;
  let sent = 0;
  /** Requests up to this one are no longer reckoned with: a server that answers none of them would get no other. */
  let writtenOff = 0;
  let maxOutstanding = Number.POSITIVE_INFINITY;
  let failed = false;

  const fail = (error: Error) => {
    if (failed) return;
    failed = true;
    for (const { watchdog } of streams.values()) clearTimeout(watchdog);
    onFailure(error);
  };

  const send = () => {
    const wanted = Math.min(streams.size + requestsInReserve, maxOutstanding);
    while (!failed && streams.size > 0 && outstanding < wanted && waitingItems < maxWaitingItems) {
      // While we did not ask, the server's silence was ours.
      if (outstanding++ === 0) for (const { watchdog } of streams.values()) watchdog.refresh();
      const request = new PublishRequest({
        // Our watchdogs are faster. A server would drop requests of which it thinks that the client has given up, and
        // the library could not take an answer to one that it has given up.
        requestHeader: { timeoutHint: publishTimeoutMs },
        subscriptionAcknowledgements: acknowledgements,
      });
      acknowledgements = [];
      const number = ++sent;
      session.publish(request, (error, response) => {
        if (number > writtenOff) outstanding--;
        answered(number, error, response);
      });
    }
  };

  const answered = (number: number, error: Error | null, response?: PublishResponse) => {
    if (failed) return;
    const fault = error ? faultOf(error) : undefined;
    if (isTooManyPublishRequests(fault) && outstanding > 0) {
      // The server queues fewer requests than we sent. It has kept the others.
      maxOutstanding = outstanding;
    } else if (endsSubscription(fault)) {
      // Those of which the server could know when it got this request.
      for (const stream of streams.values()) if (stream.since < number) stream.lose(nameOf(fault!), { cause: error });
    } else if (error || !response) {
      // Without a fault it is the connection that fails; whoever watches that says so first.
      const message = `publishing: ${error?.message.trim().split('\n')[0] ?? 'no response'}`;
      fail(new SessionLost(endsSession(fault) ? nameOf(fault!) : message, { cause: error }));
    } else {
      receive(response);
    }
    send();
  };

  const receive = ({ subscriptionId, notificationMessage, moreNotifications }: PublishResponse) => {
    const stream = streams.get(subscriptionId);
    if (!stream) return;
    stream.watchdog.refresh();
    const arrival = { receivedAt: clock.now(), sentAfter: sentAfter(), complete: !moreNotifications };
    const underWay = countItems(notificationMessage);
    waitingItems += underWay;
    stream.work = stream.work
      .then(() => inOrder(stream, notificationMessage, arrival))
      .catch((error) => {
        if (error instanceof SubscriptionLost) stream.lose(error.message, { cause: error });
        else fail(error as Error);
      })
      .finally(() => {
        waitingItems -= underWay;
        send();
      });
  };

  /** Hands a message on, after those that are missing before it. */
  const inOrder = async (stream: Stream, message: NotificationMessage, arrival: Arrival) => {
    const { sequenceNumber } = message;
    const place = stream.order.placeOf(message);
    switch (place.kind) {
      case 'known':
        return;
      case 'begins-anew':
        return stream.lose(`the numbers of its messages begin anew at ${sequenceNumber}`);
      case 'keep-alive':
        return await handOn(stream, message, { ...arrival, complete: arrival.complete && place.isLast });
    }
    const { missing } = place;
    if (missing > 0 && !(await fetchMissing(stream, missing, arrival))) {
      return stream.lose(`${missing} messages are missing before ${sequenceNumber}, and cannot be had again`, {
        missing,
      });
    }
    await handOn(stream, message, arrival);
    if (!isKeepAlive(message)) stream.order.advance(message);
  };

  const fetchMissing = async (stream: Stream, missing: number, arrival: Arrival): Promise<boolean> => {
    for (let i = 0; i < missing; i++) {
      if (missing > maxMissing || !streams.has(stream.id)) return false;
      const { result } = await republish(stream.id, stream.order.next!);
      if (!result || result.sequenceNumber !== stream.order.next) return false;
      await handOn(stream, result, { ...arrival, complete: false });
      stream.order.advance(result);
    }
    return true;
  };

  const handOn = async (stream: Stream, message: NotificationMessage, arrival: Arrival) => {
    const { items, ended } = contentOf(message);
    if (ended) return stream.lose(`the server ended it with ${ended}`);
    if (stream.prepare && items.length > 0) await stream.prepare(items);
    if (streams.get(stream.id) !== stream) return;
    const sequenceNumber = isKeepAlive(message) ? 0 : message.sequenceNumber;
    stream.waiting.push({ ...arrival, items, sequenceNumber });
    waitingItems += items.length + 1;
    onNews();
  };

  const forget = (stream: Stream) => {
    if (streams.get(stream.id) !== stream) return;
    streams.delete(stream.id);
    clearTimeout(stream.watchdog);
    acknowledgements = acknowledgements.filter(({ subscriptionId }) => subscriptionId !== stream.id);
  };

  return {
    follow(subscriptionId, { silenceMs, prepare }) {
      const { promise: lost, reject } = Promise.withResolvers<never>();
      // Whoever follows may look at it later.
      lost.catch(() => {});
      const stream: Stream = {
        id: subscriptionId,
        silenceMs,
        waiting: [],
        since: sent,
        order: createMessageOrder(),
        work: Promise.resolve(),
        prepare,
        watchdog: setTimeout(() => {
          if (outstanding === 0) return;
          writtenOff = sent;
          outstanding = 0;
          stream.lose(`nothing came for ${silenceMs} ms, not even a keep-alive`);
          send();
        }, silenceMs),
        lose(message, options = {}) {
          forget(stream);
          reject(new SubscriptionLost(`subscription ${subscriptionId}: ${message}`, options));
          onNews();
        },
      };
      streams.set(subscriptionId, stream);
      send();
      return {
        lost,
        take() {
          let count = 0;
          let items = 0;
          const { waiting } = stream;
          while (count < waiting.length && (count === 0 || items + waiting[count]!.items.length <= maxItemsAtOnce)) {
            items += waiting[count++]!.items.length;
          }
          waitingItems -= items + count;
          const messages = waiting.splice(0, count);
          if (waiting.length > 0) onNews();
          send();
          return messages;
        },
        acknowledge(sequenceNumbers) {
          if (streams.get(subscriptionId) !== stream) return;
          for (const sequenceNumber of sequenceNumbers) {
            if (sequenceNumber > 0) acknowledgements.push({ subscriptionId, sequenceNumber });
          }
        },
        [Symbol.dispose]() {
          forget(stream);
          waitingItems -= stream.waiting.reduce((sum, { items }) => sum + items.length + 1, 0);
          stream.waiting.length = 0;
          send();
        },
      };
    },
    [Symbol.dispose]() {
      failed = true;
      for (const { watchdog } of streams.values()) clearTimeout(watchdog);
      streams.clear();
    },
  };
}
