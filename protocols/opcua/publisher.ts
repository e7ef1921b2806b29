/**
 * Keeps a few Publish requests at the server and collects what it answers, on one subscription (OPC 10000-4 5.14.5).
 * Its own watchdog decides when the server has gone silent. When the reader does not keep up, no further request is
 * sent: the server then holds the values, and says so when its queues overflow.
 */
import {
  type ClientSessionPublishService,
  DataChangeNotification,
  type MonitoredItemNotification,
  PublishRequest,
  type PublishResponse,
  StatusChangeNotification,
} from 'node-opcua-client';
import type { Clock } from '../clock.ts';
import { ConnectionError } from '../errors.ts';
import type { TimeUs } from '../sample.ts';

export interface Message {
  readonly receivedAt: TimeUs;
  readonly items: readonly MonitoredItemNotification[];
  /** The server had nothing more to say at this moment. */
  readonly complete: boolean;
  /** 0 for a keep-alive. */
  readonly sequenceNumber: number;
}

export interface Publisher extends Disposable {
  /**
   * What has come since the last call, one message at least; none after so many milliseconds of silence.
   * @throws {ConnectionError} when the subscription is lost; the signal's reason when it aborts.
   */
  next(signal: AbortSignal, timeoutMs?: number): Promise<Message[]>;
  /** The reader has these: the server need not keep them for a retransmission. */
  acknowledge(messages: readonly Message[]): void;
}

export interface PublisherOptions {
  readonly session: Pick<ClientSessionPublishService, 'publish'>;
  readonly subscriptionId: number;
  /** A server that says nothing for so long, wall time, is lost. */
  readonly silenceMs: number;
  readonly clock: Clock;
}

/** Requests at the server: one being answered, one under way, one in reserve. */
const pipelineDepth = 3;
/** What may wait for the reader. */
const maxWaitingItems = 20_000;
/** What the reader gets at a time. */
const maxItemsAtOnce = 4096;
const maxSequenceNumber = 0xffffffff;

export function startPublisher({ session, subscriptionId, silenceMs, clock }: PublisherOptions): Publisher {
  const waiting: Message[] = [];
  let waitingItems = 0;
  let acknowledgements: { subscriptionId: number; sequenceNumber: number }[] = [];
  let outstanding = 0;
  let depth = pipelineDepth;
  let lastNumber: number | undefined;
  let failure: ConnectionError | undefined;
  let wake = () => {};

  const fail = (message: string, cause?: unknown) => {
    failure ??= new ConnectionError(`OPC UA subscription ${subscriptionId}: ${message}`, { cause });
    clearTimeout(watchdog);
    wake();
  };
  const watchdog = setTimeout(() => {
    if (outstanding > 0) fail(`nothing came for ${silenceMs} ms, not even a keep-alive`);
  }, silenceMs);

  const send = () => {
    while (!failure && outstanding < depth && waitingItems < maxWaitingItems) {
      if (outstanding++ === 0) watchdog.refresh();
      const request = new PublishRequest({
        // A hint for servers that drop requests of which they think that the client has given up.
        requestHeader: { timeoutHint: silenceMs * (depth + 1) },
        subscriptionAcknowledgements: acknowledgements,
      });
      acknowledgements = [];
      session.publish(request, answered);
    }
  };

  const answered = (error: Error | null, response?: PublishResponse) => {
    outstanding--;
    if (failure) return;
    if (error || !response) {
      // The server queues fewer requests than we sent. It has kept the others.
      if (outstanding > 0 && error?.message.includes('BadTooManyPublishRequests')) depth = outstanding;
      else fail(error?.message ?? 'no response', error);
      return;
    }
    watchdog.refresh();
    receive(response);
    send();
  };

  const receive = ({ notificationMessage, moreNotifications }: PublishResponse) => {
    const { sequenceNumber } = notificationMessage;
    const notifications = notificationMessage.notificationData ?? [];
    const items: MonitoredItemNotification[] = [];
    for (const notification of notifications) {
      if (notification instanceof DataChangeNotification) items.push(...(notification.monitoredItems ?? []));
      else if (notification instanceof StatusChangeNotification) {
        return fail(`the server ended it with ${notification.status.name}`);
      }
    }
    const isKeepAlive = notifications.length === 0;
    if (!isKeepAlive) {
      const expected =
        lastNumber === undefined ? sequenceNumber : lastNumber === maxSequenceNumber ? 1 : lastNumber + 1;
      // A tag whose change was in the missing one would keep its old value until it changes again.
      if (sequenceNumber !== expected) return fail(`message ${expected} is missing, ${sequenceNumber} came`);
      lastNumber = sequenceNumber;
    }
    waiting.push({
      receivedAt: clock.now(),
      items,
      complete: !moreNotifications,
      sequenceNumber: isKeepAlive ? 0 : sequenceNumber,
    });
    waitingItems += items.length + 1;
    wake();
  };

  send();

  return {
    async next(signal, timeoutMs) {
      if (waiting.length === 0 && !failure) await somethingOrTimeout(signal, timeoutMs);
      if (waiting.length === 0) {
        signal.throwIfAborted();
        if (failure) throw failure;
      }
      let count = 0;
      let items = 0;
      while (count < waiting.length && (count === 0 || items + waiting[count]!.items.length <= maxItemsAtOnce)) {
        items += waiting[count++]!.items.length;
      }
      waitingItems -= items + count;
      const messages = waiting.splice(0, count);
      send();
      return messages;
    },
    acknowledge(messages) {
      for (const { sequenceNumber } of messages) {
        if (sequenceNumber > 0) acknowledgements.push({ subscriptionId, sequenceNumber });
      }
    },
    [Symbol.dispose]: () => fail('closed'),
  };

  function somethingOrTimeout(signal: AbortSignal, timeoutMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => wake(), timeoutMs);
      wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        wake = () => {};
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}
