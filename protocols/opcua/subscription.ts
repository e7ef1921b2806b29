/**
 * A group whose changes the server reports: one subscription (OPC 10000-4 5.14), made anew when it is lost.
 *
 * `through`: an answer to a Publish request holds all that the server sampled up to the moment when it put it together,
 * at the end of a publishing interval; a keep-alive says that there was nothing. When that was, the pulse knows (pulse.ts);
 * one publishing interval is taken off, and as much as times have come late before. Where nodes are named by path,
 * nothing is known beyond the last look at where the paths lead.
 *
 * When the subscription is lost and another is made, `through` stands still meanwhile. The new one begins with the value
 * that every item has now; what it had in between is lost for good, unless the server has history. So the first values
 * of the new one come as `resumed`: from the old `through` until then, nothing is known.
 */
import type { MonitoredItemNotification } from 'node-opcua-client';
import type { Sample } from '../sample.ts';
import { createBell } from './bell.ts';
import { follow, isByPath } from './follow.ts';
import { createAiling } from './heal.ts';
import { badSamples, beginAnew, type Item, measure, pickHere } from './item.ts';
import { createKnown } from './known.ts';
import type { Message } from './message.ts';
import { createMonitoredItems } from './monitored-items.ts';
import { nothing, type Part, type Workbench } from './part.ts';
import type { MessageStream, Publisher } from './publisher.ts';
import { refreshNamespaces, resolveNodes } from './resolve.ts';
import { nameOf, SessionLost, SubscriptionLost, status } from './status.ts';
import { subscribe } from './subscribe.ts';
import { learnTraits } from './traits.ts';
import { statusMask } from './value.ts';

/** What has no first value by then is Bad for the time being. */
const firstValuesMs = 10_000;
/** In a row, before the session is given up. */
const maxRecreations = 2;
/** What has lived so long, wall time, was not a failure. */
const steadyMs = 60_000;
/** Where the paths lead is looked up so often, by the clock; wall time at least. */
const followMs = 5000;
const minFollowMs = 500;

const isGone = (code: number): boolean => code === status.badNodeIdUnknown || code === status.badNodeIdInvalid;

/** All that an acknowledgement needs: the decoded values are not kept alive for it. */
const numbersOf = (messages: readonly Message[]): number[] => messages.map(({ sequenceNumber }) => sequenceNumber);

export function createMonitoring(bench: Workbench, publisher: Publisher): Part {
  const { config, group, opcua, services, paths, clock, bell, log } = bench;
  const items = new Set<Item>();
  const ailing = createAiling(() => performance.now());
  const monitored = createMonitoredItems(bench, {
    onMonitored(item) {
      if (ailing.delete(item)) log.info({ source: config.id, path: item.tag.path }, 'a node is there again');
    },
    onRefused(item, code) {
      unseen?.delete(item);
      if (ailing.add(item, code)) own.push(...badSamples(item, code, clock.now()));
    },
  });
  const known = createKnown(bench.startedAt);
  let subscriptionId = 0;
  let stream: MessageStream | undefined;
  let publishingUs = 0;
  let firstSince = bench.startedAt;
  /** When the paths are followed next. */
  let followAt = Number.POSITIVE_INFINITY;

  /** Items that have had no value since the subscription was made; what came of the others waits for them. */
  let unseen: Set<Item> | undefined;
  let unseenUntil = 0;
  let began: Sample[] = [];
  let beganLost = 0;
  /** Of this subscription, to be acknowledged together. */
  let beganNumbers: number[] = [];
  let beganThrough = 0;
  /** Of a subscription that is lost, what came before. */
  const remnant: Sample[] = [];
  let isResumed = false;
  let isReady = false;
  /** Of items that are monitored no more, or not yet. */
  let own: Sample[] = [];
  /** To be done between the messages: items to monitor, and to monitor no more. */
  const changes: { readonly add: readonly Item[]; readonly remove: readonly Item[] }[] = [];
  const awake = createBell();

  /** The library decodes structures by types that it asks the server for. */
  const prepare = (changed: readonly MonitoredItemNotification[]) => services.decode(changed.map(({ value }) => value));

  /** @returns those that are named by a path that leads elsewhere than it did. */
  const followPaths = async (): Promise<Item[]> => {
    const askedAt = clock.now();
    const byPath = [...items].filter((item) => isByPath(item) && !ailing.has(item));
    const moved = await follow(byPath, bench);
    const hasPaths = [...items].some(isByPath);
    followAt = hasPaths ? performance.now() + Math.max(minFollowMs, clock.wallMs(followMs)) : Number.POSITIVE_INFINITY;
    if (moved.length === 0 || !stream) known.followed(hasPaths ? askedAt : Number.POSITIVE_INFINITY);
    return moved;
  };

  /** What came before the loss is true, and is handed over; acknowledging it is of no use any more. */
  const leave = () => {
    if (!stream) return;
    for (let left = stream.take(); left.length > 0; left = stream.take()) beganLost += measureAll(left, remnant);
    stream[Symbol.dispose]();
    stream = undefined;
    bell.ring();
  };

  const start = async (): Promise<MessageStream> => {
    known.stop();
    firstSince = isReady ? clock.now() : bench.startedAt;
    unseen = new Set(items);
    unseenUntil = 0;
    began = [];
    beganNumbers = [];
    beganThrough = 0;
    own = [];
    changes.length = 0;
    for (const item of items) {
      beginAnew(item);
      ailing.delete(item);
    }
    await followPaths();
    const created = await subscribe(group, services, clock);
    subscriptionId = created.id;
    publishingUs = created.publishingMs * clock.speed * 1000;
    monitored.begin(subscriptionId);
    const followed = publisher.follow(subscriptionId, {
      silenceMs: created.silenceMs,
      prepare: [...items].some(({ tag }) => tag.field) ? prepare : undefined,
    });
    stream = followed;
    const all = [...items];
    await learnTraits(all, services);
    await monitored.add(all);
    if (ailing.size > 0) {
      const [item, { status: code }] = ailing.entries().next().value!;
      const example = { path: item.tag.path, status: nameOf(code) };
      log.warn(
        { source: config.id, tags: ailing.size, example },
        'the server does not monitor some tags; trying again',
      );
    }
    unseenUntil = performance.now() + firstValuesMs;
    bell.ring();
    return followed;
  };

  const measureAll = (messages: readonly Message[], samples: Sample[]): number => {
    let lost = 0;
    for (const { receivedAt, sentAfter, items: changed, complete } of messages) {
      const occasion = { receivedAt, firstSince, notBefore: known.heard };
      for (const { clientHandle, value: dataValue } of changed) {
        const item = monitored.itemOf(clientHandle);
        if (!item) continue;
        const code = (dataValue.statusCode.value & statusMask) >>> 0;
        if (code === status.badIndexRangeInvalid && item.wanted.picked) {
          pickHere(item);
          changes.push({ add: [item], remove: [item] });
          awake.ring();
          continue;
        }
        const before = samples.length;
        if (measure(item, dataValue, occasion, samples)) lost++;
        if (samples.length > before) known.learnDelay(samples[before]!, item.maxSkewUs);
        unseen?.delete(item);
        // A server that has lost a node does not find it again for an old item.
        if (isGone(code) && ailing.add(item, code)) awake.ring();
      }
      if (complete && !unseen && stream) known.hear(sentAfter, publishingUs);
    }
    return lost;
  };

  /** Nodes are looked for anew: they may have moved, or be another server's by now. */
  const heal = async () => {
    const due = ailing.due(performance.now());
    if (due.length === 0) return;
    await refreshNamespaces(opcua, services);
    const nodes = await resolveNodes([...new Set(due.map(({ tag }) => tag.node))], opcua, services, paths);
    for (const item of due) item.node = nodes.get(item.tag.node)!;
    const there = due.filter(({ node }) => typeof node !== 'number');
    if (there.length === 0) return;
    firstSince = clock.now();
    await replace(there, there);
  };
  const replace = async (gone: readonly Item[], added: readonly Item[]) => {
    await monitored.remove(gone);
    const wanted = added.filter((item) => items.has(item));
    for (const item of wanted) beginAnew(item);
    await learnTraits(wanted, services);
    await monitored.add(wanted);
  };

  /** Heals and changes what is monitored, until the subscription is lost. */
  const tend = async (signal: AbortSignal) => {
    for (;;) {
      const next = Math.min(ailing.nextMs ?? Number.POSITIVE_INFINITY, followAt);
      const wait = Math.max(0, next - performance.now());
      const timer = setTimeout(awake.ring, Math.min(wait, unseen ? 500 : 3_600_000));
      try {
        await Promise.race([stream!.lost, awake.wait(signal)]);
      } finally {
        clearTimeout(timer);
      }
      if (unseen) bell.ring();
      for (const { add, remove: gone } of changes.splice(0)) await replace(gone, add);
      await heal();
      if (followAt > performance.now()) continue;
      const [moved] = await followPaths();
      if (moved) throw new SubscriptionLost(`${moved.tag.node} leads to another node than it did`, {});
    }
  };

  return {
    get isReady() {
      return isReady;
    },
    get through() {
      return known.through;
    },
    add(more) {
      for (const item of more) items.add(item);
      if (stream) changes.push({ add: more, remove: [] });
      awake.ring();
    },
    remove(some) {
      for (const item of some) {
        items.delete(item);
        ailing.delete(item);
      }
      if (stream) changes.push({ add: [], remove: some });
      awake.ring();
    },
    take() {
      if (remnant.length > 0) return { ...nothing, samples: remnant.splice(0) };
      const from = stream;
      if (!from) return nothing;
      const messages = from.take();
      if (!unseen) {
        if (messages.length === 0 && own.length === 0) return nothing;
        const samples = own;
        own = [];
        const lost = measureAll(messages, samples);
        const numbers = numbersOf(messages);
        return { samples, lost, resumed: false, kept: () => from.acknowledge(numbers) };
      }
      beganLost += measureAll(messages, began);
      beganNumbers.push(...numbersOf(messages));
      beganThrough = messages.findLast(({ complete }) => complete)?.sentAfter ?? beganThrough;
      // Only when all items have been asked for is it known which of them are silent.
      if (unseenUntil === 0 || (unseen.size > 0 && performance.now() < unseenUntil)) return nothing;
      const silent = [...unseen].flatMap((item) => badSamples(item, status.badWaitingForInitialData, clock.now()));
      const numbers = beganNumbers;
      const first = {
        samples: [...began, ...own, ...silent],
        lost: beganLost,
        resumed: isResumed,
        kept: () => from.acknowledge(numbers),
      };
      unseen = undefined;
      unseenUntil = 0;
      began = [];
      own = [];
      beganLost = 0;
      isReady = true;
      known.hear(beganThrough, publishingUs);
      return first;
    },
    async run(signal) {
      let recreations = 0;
      for (;;) {
        const begun = performance.now();
        try {
          stream = await start();
          await tend(signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof SubscriptionLost)) throw error;
          if (performance.now() - begun > steadyMs) recreations = 0;
          if (++recreations > maxRecreations) throw new SessionLost(error.message, { cause: error });
          log.warn({ source: config.id, err: error }, 'subscription lost; making another');
          leave();
          beganLost += error.missing;
          isResumed = isReady;
          // The server may still hold the old one, and not many.
          await services.deleteSubscription(subscriptionId);
        }
      }
    },
  };
}
