/** A message of a subscription, as it comes and as it is handed on. */
import {
  DataChangeNotification,
  type MonitoredItemNotification,
  type NotificationMessage,
  StatusChangeNotification,
} from 'node-opcua-client';
import type { TimeUs } from '../sample.ts';

export interface Message {
  readonly receivedAt: TimeUs;
  /** The server put it together after this time. */
  readonly sentAfter: TimeUs;
  readonly items: readonly MonitoredItemNotification[];
  /** The server had nothing more to say at this moment. */
  readonly complete: boolean;
  /** 0 for a keep-alive. */
  readonly sequenceNumber: number;
}

type Content = Pick<NotificationMessage, 'notificationData'>;

export const isKeepAlive = ({ notificationData }: Content): boolean => (notificationData?.length ?? 0) === 0;

/** Its items; `ended` is the status with which the server ends the subscription: then nothing else of it counts. */
export function contentOf({ notificationData }: Content): {
  items: readonly MonitoredItemNotification[];
  ended?: string;
} {
  const items: MonitoredItemNotification[] = [];
  for (const notification of notificationData ?? []) {
    if (notification instanceof DataChangeNotification) {
      for (const item of notification.monitoredItems ?? []) items.push(item);
    } else if (notification instanceof StatusChangeNotification) return { items: [], ended: notification.status.name };
  }
  return { items };
}

/** What it takes of the room for what waits: its items, and itself. */
export function countItems({ notificationData }: Content): number {
  let count = 1;
  for (const notification of notificationData ?? []) {
    if (notification instanceof DataChangeNotification) count += notification.monitoredItems?.length ?? 0;
  }
  return count;
}
