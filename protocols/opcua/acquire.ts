/** One session's life: its groups measure, each in its own way, and what they have is handed over in one sequence. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DataTypeExtractStrategy, getExtraDataTypeManager } from 'node-opcua-client';
import type { Sample, TimeUs } from '../sample.ts';
import type { Reading } from '../source.ts';
import { createBell } from './bell.ts';
import type { OpcuaConfig } from './config.ts';
import { within } from './deadline.ts';
import { createDiscovery, type Discovery } from './discover.ts';
import { createBackfill } from './history.ts';
import { createItem, type Item } from './item.ts';
import type { AcquireOptions } from './memory.ts';
import { nothing, type Part, type Taken, type Workbench } from './part.ts';
import { createPolling } from './poll.ts';
import { startPublisher } from './publisher.ts';
import { resolveNodes } from './resolve.ts';
import { createServices, type Services } from './services.ts';
import type { OpcuaSession } from './session.ts';
import { createMonitoring } from './subscription.ts';
import { pathsOf } from './tags.ts';

/** For which the library may ask the server for its types. */
const typesMs = 30_000;

/** @throws {SessionLost | ConnectionError} */
export async function* acquire(options: AcquireOptions): AsyncGenerator<Reading> {
  const { config, context, opcua, memory, startedAt } = options;
  const { clock, log } = context;
  const broken = new AbortController();
  const closed = AbortSignal.any([opcua.closed, broken.signal]);
  const bell = createBell();
  const services = createServices(opcua, config, closed);
  options.onServices(services);
  if (services.allowance.profile) log.info({ source: config.id, ...services.allowance }, 'server of a known kind');

  using publisher = startPublisher({
    session: opcua.session,
    republish: services.republish,
    clock,
    onNews: bell.ring,
    onFailure: (error) => broken.abort(error),
  });
  const running: Promise<void>[] = [];
  const start = (work: Promise<void>) => {
    running.push(work.catch((error) => broken.abort(error)));
  };

  try {
    const items = itemsOf(config, context.tagIds);
    if (config.groups.some(({ tags }) => tags.some(({ field }) => field))) {
      const types = getExtraDataTypeManager(opcua.session, DataTypeExtractStrategy.Lazy);
      await within(types, typesMs, closed, `${config.endpoint}: reading its types`);
    }
    await locate(items.flat(), opcua, services);

    const parts: Part[] = [];
    const discoveries: Discovery[] = [];
    for (const [g, group] of config.groups.entries()) {
      const bench: Workbench = { config, group, opcua, services, clock, bell, startedAt, log };
      const part = group.mode === 'poll' ? createPolling(bench) : createMonitoring(bench, publisher);
      parts.push(part);
      part.add(items[g]!);
      if (group.discover.length === 0) continue;
      const discovery = createDiscovery({ ...bench, index: g, memory, declare: context.declare, part, closed });
      discoveries.push(discovery);
      await discovery.begin();
    }
    for (const part of parts) start(part.run(closed));
    for (const discovery of discoveries) start(discovery.run());

    let through = 0;
    const readingOf = (taken: readonly Taken[]): Reading => {
      // Never falls, though a clock that was set back does.
      through = Math.max(through, Math.min(clock.now(), ...parts.map((part) => part.through)));
      return merge(taken, through);
    };
    const takeAll = () => [
      ...parts.map((part) => part.take()),
      ...discoveries.map((discovery) => ({ ...nothing, samples: discovery.take() })),
    ];

    const first: Taken[] = [];
    while (!parts.every(({ isReady }) => isReady)) {
      await bell.wait(closed);
      first.push(...takeAll());
    }
    const reading = readingOf(first);
    const itemsNow = () => [...items.flat(), ...discoveries.flatMap((discovery) => discovery.items())];
    const backfill = createBackfill({ ...options, items: itemsNow, services, closed });
    memory.gaps.open(reading.samples);
    yield memory.wasUp ? { ...reading, resumed: true } : reading;
    memory.wasUp = true;
    for (const { kept } of first) kept();
    start(backfill.run());

    for (;;) {
      await bell.wait(closed);
      const taken = takeAll();
      const live = readingOf(taken);
      if (live.resumed) {
        memory.gaps.open(live.samples);
        backfill.again();
      } else memory.gaps.saw(live.samples);
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
  }
}

/** The items of each group. */
function itemsOf(config: OpcuaConfig, tagIds: ReadonlyMap<string, number>): Item[][] {
  return config.groups.map((group) =>
    group.tags.map((tag) =>
      createItem(
        tag,
        pathsOf(tag).map((path) => idOf(path, tagIds)),
        config,
        group,
      ),
    ),
  );
}

export function idOf(path: string, tagIds: ReadonlyMap<string, number>): number {
  const id = tagIds.get(path);
  if (id === undefined) throw new Error(`no tag id was given for ${path}`);
  return id;
}

async function locate(items: readonly Item[], opcua: OpcuaSession, services: Services): Promise<void> {
  const nodes = await resolveNodes([...new Set(items.map(({ tag }) => tag.node))], opcua, services);
  for (const item of items) item.node = nodes.get(item.tag.node)!;
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
