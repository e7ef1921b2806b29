/** One session's life: its groups measure, each in its own way, and what they have is handed over in one sequence. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DataTypeExtractStrategy, getExtraDataTypeManager } from 'node-opcua-client';
import type { Sample, TimeUs } from '../sample.ts';
import type { Reading } from '../source.ts';
import { createBell } from './bell.ts';
import { watchClock } from './clock-step.ts';
import type { OpcuaConfig } from './config.ts';
import { within } from './deadline.ts';
import { createDiscovery, type Discovery } from './discover.ts';
import { createBackfill } from './history.ts';
import { createItem, type Item } from './item.ts';
import type { AcquireOptions, Memory } from './memory.ts';
import { nothing, type Part, type Taken, type Workbench } from './part.ts';
import { createPolling } from './poll.ts';
import { startPublisher } from './publisher.ts';
import { createPulse } from './pulse.ts';
import { type KnownPaths, resolveNodes } from './resolve.ts';
import { createServices } from './services.ts';
import { SessionLost } from './status.ts';
import { createMonitoring } from './subscription.ts';
import { pathsOf } from './tags.ts';

/** For which the library may ask the server for its types. */
const typesMs = 30_000;

/** The server is asked for its time as often as it publishes, but not more rarely than that; and where it only is polled. */
const pulseMs = 1000;
const quietPulseMs = 10_000;

/** @throws {SessionLost | ConnectionError} */
export async function* acquire(options: AcquireOptions): AsyncGenerator<Reading> {
  const { config, context, opcua, memory, startedAt } = options;
  const { clock, log } = context;
  const wasSet = watchClock(clock);
  let isScaleNew = false;
  const paths: KnownPaths = new Map();
  const broken = new AbortController();
  const closed = AbortSignal.any([opcua.closed, broken.signal]);
  const bell = createBell();
  const services = createServices(opcua, config, closed);
  options.onServices(services);
  if (services.allowance.profile) log.info({ source: config.id, ...services.allowance }, 'server of a known kind');

  const publishing = config.groups.flatMap((group) => (group.mode === 'subscribe' ? [group.publishingIntervalMs] : []));
  const pulse = createPulse({
    opcua,
    services,
    clock,
    maxSkewUs: config.maxSkewMs * 1000,
    startedAt,
    intervalMs: Math.min(quietPulseMs, ...publishing.map((ms) => Math.min(ms, pulseMs))),
    closed,
  });
  using publisher = startPublisher({
    session: opcua.session,
    republish: services.republish,
    clock,
    sentAfter: () => pulse.floor,
    onNews: bell.ring,
    onFailure: (error) => broken.abort(error),
  });
  const running: Promise<void>[] = [];
  const start = (work: Promise<void>) => {
    running.push(work.catch((error) => broken.abort(error)));
  };

  const items = itemsOf(config, context.tagIds, memory);
  const discoveries: Discovery[] = [];
  const itemsNow = () => [...items.flat(), ...discoveries.flatMap((discovery) => discovery.items())];
  try {
    start(pulse.run());
    if (config.groups.some(({ tags }) => tags.some(({ field }) => field))) {
      const types = getExtraDataTypeManager(opcua.session, DataTypeExtractStrategy.Lazy).catch((err) =>
        log.warn({ source: config.id, err }, 'the server describes its types in a way that cannot be read'),
      );
      await within(types, typesMs, closed, `${config.endpoint}: reading its types`);
    }
    const nodes = await resolveNodes([...new Set(items.flat().map(({ tag }) => tag.node))], opcua, services, paths);
    for (const item of items.flat()) item.node = nodes.get(item.tag.node)!;

    const parts: Part[] = [];
    for (const [g, group] of config.groups.entries()) {
      const bench: Workbench = { config, group, opcua, services, paths, clock, bell, startedAt, log };
      const part = group.mode === 'poll' ? createPolling(bench) : createMonitoring(bench, publisher);
      parts.push(part);
      part.add(items[g]!);
      if (group.discover.length === 0) continue;
      const discovery = createDiscovery({ ...bench, index: g, memory, declare: context.declare, part, closed });
      discoveries.push(discovery);
      await discovery.begin();
    }
    for (const part of parts) start(part.run(closed));
    let through = 0;
    const readingOf = (taken: readonly Taken[]): Reading => {
      through = Math.max(through, Math.min(clock.now(), ...parts.map((part) => part.through)));
      return merge(taken, through);
    };
    const takeAll = () => {
      if (wasSet()) {
        isScaleNew = true;
        throw new SessionLost('the clock of this gateway was set');
      }
      return [
        ...parts.map((part) => part.take()),
        ...discoveries.map((discovery) => ({ ...nothing, samples: discovery.take() })),
      ];
    };

    const first: Taken[] = [];
    while (!parts.every(({ isReady }) => isReady)) {
      await bell.wait(closed);
      first.push(...takeAll());
    }
    const reading = readingOf(first);
    const backfill = createBackfill({ ...options, items: itemsNow, services, bell, closed });
    memory.gaps.begin();
    memory.gaps.saw(reading.samples);
    yield memory.wasUp ? { ...reading, resumed: true } : reading;
    memory.wasUp = true;
    for (const { kept } of first) kept();
    start(backfill.run());
    start(discoverAll(discoveries));

    for (;;) {
      await bell.wait(closed);
      const taken = takeAll();
      const live = readingOf(taken);
      if (live.resumed) memory.gaps.begin();
      if (memory.gaps.saw(live.samples) || live.resumed) backfill.again();
      yield live;
      for (const { kept } of taken) kept();
      // Live values first, and never more than one page of old ones between two of them.
      const samples = backfill.take();
      if (samples) yield { samples, through };
      // A server that never falls silent must not keep everybody else from their turn.
      await nextTurn();
    }
  } finally {
    broken.abort(new Error('the session has ended'));
    await Promise.all(running);
    for (const { ids, lastTime } of itemsNow()) memory.lastTimes.set(ids[0]!, lastTime);
    if (isScaleNew) memory.lastTimes.clear();
  }
}

/** The items of each group. */
function itemsOf(config: OpcuaConfig, tagIds: ReadonlyMap<string, number>, { lastTimes }: Memory): Item[][] {
  return config.groups.map((group) =>
    group.tags.map((tag) => {
      const ids = pathsOf(tag).map((path) => idOf(path, tagIds));
      return createItem(tag, ids, config, group, lastTimes.get(ids[0]!));
    }),
  );
}

/** First one after the other: of two that find the same path, the first has it. */
async function discoverAll(discoveries: readonly Discovery[]): Promise<void> {
  for (const discovery of discoveries) await discovery.search();
  await Promise.all(discoveries.map((discovery) => discovery.run()));
}

export function idOf(path: string, tagIds: ReadonlyMap<string, number>): number {
  const id = tagIds.get(path);
  if (id === undefined) throw new Error(`no tag id was given for ${path}`);
  return id;
}

function merge(taken: readonly Taken[], through: TimeUs): Reading {
  const some = taken.filter(({ samples, slots, lost }) => samples.length > 0 || slots || lost > 0);
  const samples: readonly Sample[] = some.length === 1 ? some[0]!.samples : some.flatMap((one) => one.samples);
  const withSlots = some.filter(({ slots }) => slots);
  const sum = (key: 'good' | 'bad' | 'skipped') => withSlots.reduce((total, { slots }) => total + slots![key], 0);
  return {
    samples,
    through,
    lost: some.reduce((total, { lost }) => total + lost, 0),
    ...(withSlots.length > 0 && { slots: { good: sum('good'), bad: sum('bad'), skipped: sum('skipped') } }),
    ...(taken.some(({ resumed }) => resumed) && { resumed: true }),
  };
}
