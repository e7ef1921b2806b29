/**
 * An OPC UA server as a Source: one session, one subscription, every change of every tag.
 *
 * `through`: an answer to a Publish request holds all that the server sampled up to the moment when it put it together,
 * at the end of a publishing interval; a keep-alive says that there was nothing. That moment is not known in our clock,
 * but it is not long before the answer came. One publishing interval is taken off for the way.
 */
import { flag, type Sample, type TimeUs } from '../sample.ts';
import type { Reading, Source } from '../source.ts';
import type { SourceContext } from '../tag-config.ts';
import type { OpcuaConfig } from './config.ts';
import { type Message, startPublisher } from './publisher.ts';
import { connectSession, type OpcuaSession } from './session.ts';
import { subscribe } from './subscription.ts';
import { timeOf } from './time.ts';
import { measuredOf } from './value.ts';

/** Keep-alives that may fail to come. */
const missedKeepAlives = 3;
/** A process that was busy for so long has not lost its connection. */
const minSilenceMs = 5000;
/** What has no first value by then is Bad for the time being. */
const firstValuesMs = 10_000;
/** Bad_WaitingForInitialData (OPC 10000-4 7.39.2). */
const badWaitingForInitialData = 0x80320000;

export function createOpcuaSource(config: OpcuaConfig, context: SourceContext): Source {
  const ids = config.tags.map(({ path }) => {
    const id = context.tagIds.get(path);
    if (id === undefined) throw new Error(`no tag id was given for ${path}`);
    return id;
  });
  return {
    id: config.id,
    async *read(signal) {
      try {
        const startedAt = context.clock.now();
        await using opcua = await connectSession(config, context.dataDir, signal);
        for await (const reading of monitor(opcua, config, ids, context, startedAt)) {
          yield reading;
          if (signal.aborted) return;
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}

async function* monitor(
  opcua: OpcuaSession,
  config: OpcuaConfig,
  ids: readonly number[],
  { clock, log }: SourceContext,
  startedAt: TimeUs,
): AsyncGenerator<Reading> {
  const { subscriptionId, publishingIntervalMs, keepAliveMs, refused } = await subscribe(opcua, config, clock);
  if (refused.size > 0) {
    const [index, code] = refused.entries().next().value!;
    const example = { path: config.tags[index]!.path, quality: code };
    log.warn({ source: config.id, tags: refused.size, example }, 'the server does not monitor some tags');
  }
  const silenceMs = Math.max(missedKeepAlives * keepAliveMs, minSilenceMs);
  using publisher = startPublisher({ session: opcua.session, subscriptionId, silenceMs, clock });

  /** Tags that are monitored and have had no value in this session. */
  const awaited = new Set(ids.keys().filter((index) => !refused.has(index)));
  const publishingUs = publishingIntervalMs * clock.speed * 1000;
  let through = startedAt;

  const readingOf = (messages: readonly Message[]): { samples: Sample[]; through: TimeUs; lost: number } => {
    const samples: Sample[] = [];
    let lost = 0;
    for (const { receivedAt, items, complete } of messages) {
      for (const { clientHandle, value: dataValue } of items) {
        const tag = ids[clientHandle];
        if (tag === undefined) continue;
        const isFirst = awaited.delete(clientHandle);
        const { value, quality, overflow } = measuredOf(dataValue);
        const { time, flags } = timeOf(dataValue, receivedAt, isFirst ? startedAt : undefined);
        if (overflow) lost++;
        samples.push({ tag, time, value, quality, flags: overflow ? flags | flag.queueOverflow : flags });
      }
      if (complete) through = Math.max(through, receivedAt - publishingUs);
    }
    return { samples, through, lost };
  };

  const first: Message[] = [];
  const unseen = new Set(awaited);
  for (const deadline = performance.now() + firstValuesMs; unseen.size > 0 && performance.now() < deadline; ) {
    const messages = await publisher.next(opcua.closed, deadline - performance.now());
    for (const { clientHandle } of messages.flatMap(({ items }) => items)) unseen.delete(clientHandle);
    first.push(...messages);
  }
  const reading = readingOf(first);
  const bad = (index: number, quality: number): Sample => ({
    tag: ids[index]!,
    time: clock.now(),
    value: null,
    quality,
    flags: flag.timeFromGateway,
  });
  for (const [index, code] of refused) reading.samples.push(bad(index, code));
  for (const index of awaited) reading.samples.push(bad(index, badWaitingForInitialData));
  yield reading;
  publisher.acknowledge(first);

  for (;;) {
    const messages = await publisher.next(opcua.closed);
    yield readingOf(messages);
    publisher.acknowledge(messages);
  }
}
