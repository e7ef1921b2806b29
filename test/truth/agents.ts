/**
 * The demo's two agents on the demo's own configuration, reading the factory on a clock that runs as fast as it goes:
 * OPC UA tells changes with their own times, Modbus is polled once a second. What goes wrong goes wrong as it does in
 * life: a lost connection ends a session, a device that is silent makes its tags Bad, an agent that dies says nothing.
 */
import { join } from 'node:path';
import { loadYaml } from '../../config/load.ts';
import { type SourceConfig, tagsOf } from '../../edge-agent/acquire/sources.ts';
import { agentSchema } from '../../edge-agent/config/schema.ts';
import { flag, quality, type Sample, type TimeUs } from '../../protocols/sample.ts';
import type { Factory } from '../../protocols/simulator/factory.ts';
import type { Signal } from '../../protocols/simulator/factory-record.ts';
import type { TagDeclaration } from '../../protocols/tag-config.ts';
import type { StepClock } from '../support/step-clock.ts';
import { openVirtualAgent, type VirtualAgent, type VirtualSource } from '../support/virtual-agent.ts';
import type { VirtualHub } from '../support/virtual-hub.ts';
import type { Mishap } from './scenario.ts';

export interface AgentsOptions {
  readonly factory: Factory;
  readonly hub: VirtualHub;
  /** The hub's: it comes after what is measured. */
  readonly hubClock: StepClock;
  readonly mishaps: readonly Mishap[];
  /** So often everything is measured; as in the demo where nobody says. */
  readonly everyUs?: number;
  /** Which tags are measured; all where nobody says. */
  readonly measured?: (tag: TagDeclaration) => boolean;
  /** The hub has each frame `transitUs` after it was accepted; else in any order within a step, which is faster. */
  readonly isPunctual?: boolean;
}

/** Time of which nothing was told of some tags. */
export interface Hidden {
  /** Tags are hidden whose full paths begin so; source and site are as the agent has them. */
  readonly source: string;
  readonly tags: string;
  /** From the last reading before, or the first that was Bad, to the first one after. */
  readonly from: TimeUs;
  readonly to: TimeUs;
  /** How much earlier it may look to the hub: a crash takes what was read since the last watermark. */
  readonly earlierUs: number;
}

/** All that an agent had told up to a time, and when the hub had it. */
export interface Delivery {
  readonly through: TimeUs;
  readonly at: TimeUs;
}

export interface DemoAgents extends AsyncDisposable {
  /** Lets the factory live and be measured up to this instant, and the hub have all that reaches it. */
  liveUntil(time: TimeUs): Promise<void>;
  /** Nothing more is measured. */
  rest(): void;
  readonly hidden: readonly Hidden[];
  /** Full path of a tag, and the source that reads it. */
  readonly sourceOf: ReadonlyMap<string, string>;
  /** By agent; undefined where the hub's clock did not follow closely enough to say. */
  readonly deliveries: ReadonlyMap<string, readonly Delivery[]> | undefined;
  /** When each tag was told something, by full path. */
  readonly reported: ReadonlyMap<string, TimeUs[]>;
}

const folder = join(import.meta.dirname, '../../config/demo');
/** Polled and sampled this often; not at the factory's own whole seconds. */
const rhythm = { opcua: { everyUs: 500_000, phaseUs: 130_000 }, modbus: { everyUs: 1_000_000, phaseUs: 370_000 } };
const watermarkUs = 5_000_000;
/** Accepted more seldom than in life: each acceptance is a frame. */
const acceptanceUs = 60_000_000;
const firstAcceptanceUs = 1_000_000;
export const transitUs = 2_000_000;

interface Reader {
  readonly id: string;
  readonly agent: string;
  readonly everyUs: number;
  next: TimeUs;
  lastRead: TimeUs | undefined;
  readonly source: VirtualSource;
  /** Why it reads nothing now. */
  away: Mishap | undefined;
  silent: Map<string, TimeUs>;
  read(time: TimeUs, isFirst: boolean): Promise<void>;
}

export async function startDemoAgents({
  factory,
  hub,
  hubClock,
  mishaps,
  everyUs: given,
  measured = () => true,
  isPunctual = false,
}: AgentsOptions): Promise<DemoAgents> {
  const clock = { now: () => now, speed: 1, sleep: async () => {}, wallMs: (ms: number) => ms };
  let now: TimeUs = factory.startUs;
  const hidden: Hidden[] = [];
  const sourceOf = new Map<string, string>();
  const deliveries = new Map<string, Delivery[]>();
  const reported = new Map<string, TimeUs[]>();
  await using opened = new AsyncDisposableStack();
  const agents = new Map<string, { agent: VirtualAgent; online: boolean }>();
  const readers: Reader[] = [];
  const changed = new Map<Signal, Set<Signal>>();
  factory.listen({ changed: (signal) => changed.get(signal)?.add(signal) });

  for (const file of ['agent-machining.yaml', 'agent-packaging.yaml']) {
    const { agent, site, sources } = loadYaml(join(folder, file), agentSchema, {});
    const declared = sources.map((config) => ({ id: config.id, tags: tagsOf(config).filter(measured) }));
    const password = hub.passwords.get(agent)!;
    const timesOf = new Map<number, TimeUs[]>();
    const own = opened.use(
      await openVirtualAgent({
        ...{ agent, site, sources: declared, clock, mqttUrl: hub.mqttUrl, password },
        reported(samples) {
          for (const { tag, time } of samples) timesOf.get(tag)!.push(time);
        },
      }),
    );
    agents.set(agent, { agent: own, online: true });
    deliveries.set(agent, []);
    for (const { path } of declared.flatMap(({ tags }) => tags)) {
      const times: TimeUs[] = [];
      timesOf.set(own.ids.get(path)!, times);
      reported.set(`${site}/${path}`, times);
    }
    own.connect();
    for (const [index, config] of sources.entries()) {
      const { phaseUs } = rhythm[config.kind];
      const everyUs = given ?? rhythm[config.kind].everyUs;
      const tags = declared[index]!.tags.map((tag) => {
        const signal = factory.signals().find(({ plant, path }) => plant === site && path === tag.path)!;
        sourceOf.set(`${site}/${tag.path}`, config.id);
        return { id: own.ids.get(tag.path)!, path: tag.path, signal, scale: scaleOf(config, tag.path) };
      });
      const dirty = new Set<Signal>();
      if (config.kind === 'opcua') for (const { signal } of tags) changed.set(signal, dirty);
      const bySignal = new Map(tags.map((tag) => [tag.signal, tag]));
      const source = own.source(config.id);
      const reader: Reader = {
        id: config.id,
        agent,
        everyUs,
        next: factory.startUs + phaseUs,
        lastRead: undefined,
        source,
        away: undefined,
        silent: new Map(),
        read(time, isFirst) {
          const samples: Sample[] = [];
          if (config.kind === 'opcua') {
            for (const signal of isFirst ? bySignal.keys() : dirty) {
              const old = isFirst && signal.time < time;
              const value = signal.value;
              const [at, flags] = old ? [time, flag.timeFromGateway] : [signal.time, 0];
              samples.push({ tag: bySignal.get(signal)!.id, time: at, value, quality: quality.good, flags });
            }
            dirty.clear();
            return source.read({ samples, through: time });
          }
          let bad = 0;
          const isSilent = (path: string) =>
            reader.silent.size > 0 && [...reader.silent.keys()].some((one) => path.startsWith(one));
          for (const { id, path, signal, scale } of tags) {
            const silent = isSilent(path);
            if (silent) bad++;
            const value = silent ? null : scale === 1 ? signal.value : (signal.value as number) * scale;
            const code = silent ? quality.badTimeout : quality.good;
            samples.push({ tag: id, time, value, quality: code, flags: flag.timeFromGateway });
          }
          return source.read({ samples, through: time, slots: { good: tags.length - bad, bad, skipped: 0 } });
        },
      };
      readers.push(reader);
    }
  }

  const hide = (reader: Reader, tags: string, from: TimeUs, to: TimeUs, earlierUs: number) =>
    hidden.push({ source: reader.id, tags, from, to, earlierUs });

  /** What goes wrong at a reading, and what is mended. True when nothing can be read. */
  const suffer = async (reader: Reader, time: TimeUs): Promise<boolean> => {
    for (const mishap of mishaps) {
      if (mishap.kind === 'offline' || !isOf(mishap, reader)) continue;
      const isOn = mishap.from <= time && time < mishap.to;
      if (mishap.kind === 'device silent') {
        const since = reader.silent.get(mishap.tags);
        if (isOn && since === undefined) reader.silent.set(mishap.tags, time);
        if (isOn || since === undefined) continue;
        reader.silent.delete(mishap.tags);
        hide(reader, mishap.tags, since, time, 0);
      } else if (isOn && !reader.away) {
        reader.away = mishap;
        if (mishap.kind === 'crash') reader.source.crashed();
        else await reader.source.lost();
      }
      if (!isOn && reader.away === mishap) {
        reader.away = undefined;
        hide(reader, '', reader.lastRead!, time, mishap.kind === 'crash' ? watermarkUs : 0);
        reader.lastRead = undefined;
      }
    }
    return reader.away !== undefined;
  };

  const connectAgents = async (time: TimeUs) => {
    for (const [name, one] of agents) {
      const isCut = mishaps.some((it) => it.kind === 'offline' && it.agent === name && it.from <= time && time < it.to);
      if (isCut && one.online) await one.agent.disconnect();
      if (!isCut && !one.online) one.agent.connect();
      one.online = !isCut;
    }
  };

  // A tag is known from its first acceptance on.
  let nextFlush = factory.startUs + firstAcceptanceUs;
  for (const reader of readers) hide(reader, '', factory.startUs, nextFlush, 0);
  const accept = async () => {
    for (const { agent } of agents.values()) await agent.flush();
    while (nextFlush <= now) nextFlush += acceptanceUs;
    if (!isPunctual) return;
    hubClock.passTo(now + transitUs);
    await connectAgents(now);
    for (const [name, { agent, online }] of agents) {
      if (!online) continue;
      await agent.settled();
      deliveries.get(name)!.push({ through: now, at: now + transitUs });
    }
  };

  const running = opened.move();
  return {
    hidden,
    sourceOf,
    reported,
    deliveries: isPunctual ? deliveries : undefined,
    async liveUntil(until) {
      for (;;) {
        const reader = readers.reduce((first, one) => (one.next < first.next ? one : first));
        if (reader.next > until) break;
        if (reader.next > nextFlush) {
          now = nextFlush;
          await accept();
        }
        now = reader.next;
        factory.advanceTo(now);
        reader.next += reader.everyUs;
        if (await suffer(reader, now)) continue;
        await reader.read(now, reader.lastRead === undefined);
        reader.lastRead = now;
      }
      now = until;
      await accept();
      await connectAgents(now);
      await Promise.race([hubClock.advanceTo(now), hub.ended]);
      for (const { agent, online } of agents.values()) if (online) await agent.settled();
    },
    rest() {
      for (const reader of readers) hide(reader, '', reader.lastRead ?? now, Number.POSITIVE_INFINITY, watermarkUs);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const isOf = (mishap: Exclude<Mishap, { kind: 'offline' }>, { id, agent }: Reader): boolean =>
  mishap.kind === 'crash' ? mishap.agent === agent : mishap.source === id;

/** What a driver multiplies a raw value by. */
function scaleOf(config: SourceConfig, path: string): number {
  if (config.kind !== 'modbus') return 1;
  for (const { tags } of config.devices) {
    for (const tag of tags) if (tag.path === path) return tag.scale ?? 1;
  }
  return 1;
}
