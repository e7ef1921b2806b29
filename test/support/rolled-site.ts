/** A site whose samples arrive when a test says so, as frames that a ledger has settled, with a roll-up beside it. */
import type { EntryLog } from '../../hub/entries/entry-log.ts';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import type { Amendment, BatchRow, Gap, Stream } from '../../hub/ledger/ledger.ts';
import { plantAssets } from '../../hub/plant/assets.ts';
import type { Plant } from '../../hub/plant/plant.ts';
import type { Span } from '../../hub/plant/spans.ts';
import { type Buckets, openBuckets } from '../../hub/rollup/buckets/buckets.ts';
import { openRollUpDatabase } from '../../hub/rollup/database.ts';
import { type DirtBook, openDirtBook } from '../../hub/rollup/dirt/dirt.ts';
import type { RefreshPace } from '../../hub/rollup/refresh-pace.ts';
import { createRollUp, type RollUp } from '../../hub/rollup/roll-up.ts';
import type { PlantHistory } from '../../hub/rollup/values/parameter-history.ts';
import { createRolledValues, type RolledValues } from '../../hub/rollup/values/rolled-values.ts';
import { createValueChanges, type ValueChanges } from '../../hub/rollup/values/value-changes.ts';
import type { KpiSource } from '../../hub/routes/asked/kpi-source.ts';
import type { Clock } from '../../protocols/clock.ts';
import type { SampleValue, TimeUs } from '../../protocols/sample.ts';
import { createMemorySite, type MemorySite } from './memory-site.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';

export interface SampleEvent {
  readonly agent: number;
  readonly path: string;
  readonly time: TimeUs;
  /** null is Bad. */
  readonly value: SampleValue;
}

export interface RolledSite {
  /** By agent; to declare tags. */
  readonly agents: readonly MemorySite[];
  readonly reader: MemoryStore;
  /** The events are in the store and settled, each agent's as one frame. */
  arrive(events: readonly SampleEvent[], now: TimeUs): void;
  /** An agent's next number is a gap: what it accepted in that time is gone. */
  lose(agent: number, from: TimeUs, to: TimeUs, now: TimeUs): void;
  /** The same, and nobody knows when that was. */
  loseSomething(agent: number, now: TimeUs): void;
  /** A ledger goes back so many frames, and they are settled again at once: whoever looks at numbers sees nothing. */
  settleAgain(agent: number, frames: number): void;
  /** Retention. */
  forgetBefore(time: TimeUs): void;
  /** Dead letters are stored after all. */
  replay(events: readonly SampleEvent[]): void;
  /** An import is undone: its samples stay and count no more. */
  withdraw(agent: number, now: TimeUs): void;
  /** A roll-up of its own, with an empty file. */
  rollUp(
    plant: Plant | (() => Plant),
    clock: { readonly now: TimeUs; readonly sleep?: Clock['sleep'] },
    entries?: Pick<EntryLog, 'changes'>,
    isFrozen?: (site: string, span: Span) => boolean,
    history?: PlantHistory,
    pace?: RefreshPace,
  ): RollUp &
    RolledValues & {
      readonly changes: ValueChanges;
      readonly buckets: Buckets;
      readonly dirt: DirtBook;
      /** The starts of the cells that were computed since it was asked last, ascending, each once. */
      takeComputed(): TimeUs[];
      restart(plant?: Plant): RollUp;
    };
}

/** @param names of agents; `agent-0` and so on where none are given */
export function createRolledSite(site: string, agentCount: number, names: readonly string[] = []): RolledSite {
  const store = createMemoryStore();
  const nameOf = (index: number) => names[index] ?? `agent-${index}`;
  const agents = Array.from({ length: agentCount }, (_, index) =>
    createMemorySite(site, { stream: index + 1, agent: nameOf(index), store }),
  );
  const withdrawn = new Map<number, TimeUs>();
  const batches: BatchRow[][] = agents.map(() => []);
  const gaps: Gap[] = [];
  const amendments: Amendment[] = [];
  /** The last number of an agent's newest gap. */
  const skipped = agents.map(() => 0);
  const through = (index: number) => Math.max(batches[index]!.at(-1)?.last ?? 0, skipped[index]!);
  const lose = (index: number, reason: string, times: Pick<Gap, 'from' | 'to'>, at: TimeUs) => {
    const first = through(index) + 1;
    gaps.push({ stream: index + 1, first, last: first, reason, at, ...times, acknowledged: null });
    skipped[index] = first;
  };
  const ledger = {
    streams: () =>
      agents.map((_, index) => {
        const stream: Pick<Stream, 'number' | 'agent' | 'through' | 'expired' | 'lastAcceptedAt' | 'withdrawnAt'> = {
          lastAcceptedAt: batches[index]!.at(-1)?.acceptedAt ?? null,
          number: index + 1,
          agent: nameOf(index),
          through: through(index),
          expired: 0,
          withdrawnAt: withdrawn.get(index) ?? null,
        };
        return stream as Stream;
      }),
    batches: (stream: number, after: number, limit: number) =>
      batches[stream - 1]!.filter(({ first }) => first > after).slice(0, limit),
    batchAt: (stream: number, number: number) =>
      batches[stream - 1]!.find(({ first, last }) => first <= number && number <= last),
    earliestAfter: (stream: number, number: number) =>
      Math.min(...batches[stream - 1]!.filter(({ first }) => first > number).map(({ minTime }) => minTime)),
    amendments: (after: number) => amendments.filter(({ sequence }) => sequence > after),
    gaps: (stream: number) => gaps.filter((gap) => gap.stream === stream),
    tags: () => agents.flatMap((agent, index) => (withdrawn.has(index) ? [] : agent.tags())),
    declared: () => ledger.streams().map((stream) => ({ stream, site, tags: new Map(), lives: new Map() })),
  };

  return {
    agents,
    reader: store,
    arrive(events, now) {
      for (const [index, agent] of agents.entries()) {
        const own = events.filter((event) => event.agent === index);
        if (own.length === 0) continue;
        for (const { path, time, value } of own) {
          if (value === null) agent.bad(path, time);
          else agent.sample(path, time, value);
        }
        const first = through(index) + 1;
        batches[index]!.push({
          stream: index + 1,
          first,
          last: first + own.length - 1,
          contentHash: '',
          minTime: Math.min(...own.map(({ time }) => time)),
          maxTime: Math.max(...own.map(({ time }) => time)),
          acceptedAt: Math.max(...own.map(({ time }) => time)),
          settledAt: now,
        });
      }
    },
    lose: (index, from, to, now) => lose(index, 'evicted', { from, to }, now),
    loseSomething: (index, now) => lose(index, 'unknown', { from: null, to: null }, now),
    settleAgain(index, frames) {
      const kept = batches[index]!.at(-1 - frames)?.last ?? 0;
      amendments.push({ sequence: amendments.length + 1, stream: index + 1, rewoundTo: kept });
    },
    forgetBefore: (time) => store.forgetBefore(time),
    replay(events) {
      for (const [index, agent] of agents.entries()) {
        const own = events.filter((event) => event.agent === index);
        if (own.length === 0) continue;
        for (const { path, time, value } of own) agent.sample(path, time, value);
        const times = own.map(({ time }) => time);
        const span = { from: Math.min(...times), to: Math.max(...times) };
        amendments.push({ sequence: amendments.length + 1, stream: index + 1, ...span });
      }
    },
    withdraw: (index, now) => void withdrawn.set(index, now),
    rollUp(plant, clock, entries = { changes: () => [] }, isFrozen = () => false, history = () => [], pace) {
      const inForce = typeof plant === 'function' ? plant : () => plant;
      const database = openRollUpDatabase(':memory:');
      const stored = openBuckets(database);
      const computed = new Set<TimeUs>();
      const buckets: Buckets = {
        ...stored,
        put(some, now) {
          for (const { tier, start } of some) if (tier === 'cell') computed.add(start);
          return stored.put(some, now);
        },
      };
      const dirt = openDirtBook(database);
      const make = (current: () => Plant) =>
        createRollUp({
          plants: () => [current()],
          entries,
          reader: store,
          ...(pace && { pace }),
          ledger,
          buckets,
          dirt,
          clock: { now: () => clock.now, sleep: clock.sleep ?? (async () => {}), speed: 1, wallMs: (ms) => ms },
          log: { info() {}, warn() {} },
        });
      const now = { now: () => clock.now };
      const rolled = createRolledValues({ plants: () => [inForce()], history, ledger, buckets, isFrozen, clock: now });
      return {
        ...make(inForce),
        ...rolled,
        changes: createValueChanges({ plants: () => [inForce()], ledger, buckets, values: rolled.values }),
        buckets,
        dirt,
        takeComputed() {
          const starts = [...computed].sort((a, b) => a - b);
          computed.clear();
          return starts;
        },
        restart: (current = inForce()) => make(() => current),
      };
    },
  };
}

/** What the hub's routes read of a plant that was rolled up; nothing is evaluated over other windows. */
export const kpisOf = (
  plant: Plant,
  { values, buckets, changes, partsOf, tagsOf, snap }: ReturnType<RolledSite['rollUp']>,
): KpiSource => ({
  definitions: () => catalogue,
  windowed: () => [],
  tagsRead: () => [],
  assets: () => plantAssets([plant]),
  plants: () => [plant],
  evaluate: async () => [],
  rolled: values,
  ...{ buckets, changes, partsOf, tagsOf, snap },
});
