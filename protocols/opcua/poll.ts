/**
 * A group whose tags are all read at every interval: at the whole multiples of it since 1970. What was not read in time
 * is skipped and counted, never queued; every slot of every tag ends as good, bad or skipped.
 */
import type { DataValue } from 'node-opcua-client';
import { isBad, type Sample, type TimeUs } from '../sample.ts';
import { createTimetable } from '../timetable.ts';
import { createBell } from './bell.ts';
import { sievesOf } from './filter.ts';
import { follow, isByPath } from './follow.ts';
import { createAiling } from './heal.ts';
import { badSamples, beginAnew, type Item, measure, pickHere, readValueOf } from './item.ts';
import { nothing, type Part, type Workbench } from './part.ts';
import { refreshNamespaces, resolveNodes } from './resolve.ts';
import type { Outcome } from './services.ts';
import { isTooMuch, nameOf, status } from './status.ts';
import { learnTraits } from './traits.ts';

export function createPolling(bench: Workbench): Part {
  const { config, group, opcua, services, paths, clock, bell, startedAt, log } = bench;
  const items = new Set<Item>();
  const ailing = createAiling(() => performance.now());
  const timetable = createTimetable([group.samplingIntervalMs], clock.now());
  /** What comes of these is too much for any answer: they are tried again now and then, so that the others are read together. */
  const aside = new Map<Item, number>();
  let samples: Sample[] = [];
  let slots = { good: 0, bad: 0, skipped: 0 };
  /** For which time the read is that is under way. */
  let reading: TimeUs | undefined = startedAt;
  let isReady = false;
  /** The reader has not taken the last slot. */
  let isFull = false;
  const taken = createBell();

  const tagCount = () => [...items].reduce((sum, { ids }) => sum + ids.length, 0);
  const report = (item: Item, dataValue: DataValue, receivedAt: TimeUs, firstSince: TimeUs) => {
    const before = samples.length;
    measure(item, dataValue, { receivedAt, firstSince }, samples);
    let bad = 0;
    for (let i = before; i < samples.length; i++) if (isBad(samples[i]!.quality)) bad++;
    slots.bad += bad;
    slots.good += item.ids.length - bad;
  };
  const reportBad = (item: Item, code: number) => {
    samples.push(...badSamples(item, code, clock.now()));
    slots.bad += item.ids.length;
  };

  const readAll = async () => {
    const there: Item[] = [];
    for (const item of items) {
      const code = typeof item.node === 'number' ? item.node : aside.get(item);
      if (code !== undefined) reportBad(item, code);
      else there.push(item);
    }
    let readAt = 0;
    const read = async (some: readonly Item[]) => {
      const outcomes = await services.read(some.map((item) => readValueOf(item)!));
      readAt = clock.now();
      const structures = outcomes.flatMap(({ result }, i) => (result && some[i]!.wanted.field ? [result] : []));
      if (structures.length > 0) await services.decode(structures);
      return outcomes;
    };
    const take = (item: Item, { result, status: fault }: Outcome<DataValue>, firstSince = startedAt) => {
      if (!items.has(item)) return;
      if (result) {
        report(item, result, readAt, firstSince);
        if (ailing.size > 0) ailing.delete(item);
      } else {
        reportBad(item, fault!);
        if (!isTooMuch(fault)) return;
        aside.set(item, fault);
        if (ailing.add(item, fault))
          log.warn(
            { source: config.id, path: item.tag.path, status: nameOf(fault) },
            'a value is too large to be read',
          );
      }
    };
    const outcomes = await read(there);
    const moved = await followMoved(there);
    const again: Item[] = [];
    for (const [i, item] of there.entries()) {
      if (moved.has(item)) {
        if (typeof item.node !== 'number') again.push(item);
        else reportBad(item, item.node);
      } else if (item.wanted.picked && outcomes[i]!.result?.statusCode.value === status.badIndexRangeInvalid) {
        pickHere(item);
        again.push(item);
      } else take(item, outcomes[i]!);
    }
    const second = await read(again);
    for (const [i, item] of again.entries()) take(item, second[i]!, moved.has(item) ? readAt : startedAt);
  };

  /** Where the paths lead after they were read; where they led before, the slot before has seen. */
  const followMoved = async (there: readonly Item[]): Promise<ReadonlySet<Item>> => {
    const moved = await follow(there.filter(isByPath), bench);
    for (const item of moved) {
      beginAnew(item);
      if (typeof item.node === 'number' && items.has(item)) ailing.add(item, item.node);
    }
    await learn(moved.filter(({ node }) => typeof node !== 'number'));
    return new Set(moved);
  };

  /** Those that have no node yet. A node that the server cannot read is read again at every slot anyway. */
  const heal = async () => {
    const ill = ailing.due(performance.now());
    for (const item of ill) aside.delete(item);
    const due = ill.filter(({ node }) => typeof node === 'number');
    if (due.length === 0) return;
    await refreshNamespaces(opcua, services);
    const nodes = await resolveNodes([...new Set(due.map(({ tag }) => tag.node))], opcua, services, paths);
    const healed = due.filter((item) => {
      item.node = nodes.get(item.tag.node)!;
      return typeof item.node !== 'number' && ailing.delete(item);
    });
    if (healed.length === 0) return;
    await learn(healed);
    log.info({ source: config.id, tags: healed.length, example: healed[0]!.tag.path }, 'nodes are there again');
  };
  const learn = async (some: readonly Item[]) => {
    await learnTraits(some, services);
    for (const item of some) item.sieves = sievesOf(item, group);
  };

  return {
    get isReady() {
      return isReady;
    },
    get through() {
      // Between two slots nothing is measured.
      return reading ?? Math.min(clock.now(), timetable.next);
    },
    add(more) {
      for (const item of more) {
        items.add(item);
        if (typeof item.node === 'number') ailing.add(item, item.node);
      }
    },
    remove(some) {
      for (const item of some) {
        items.delete(item);
        aside.delete(item);
        ailing.delete(item);
      }
    },
    take() {
      if (!isFull) return nothing;
      const all = { samples, slots, lost: 0, resumed: false, kept() {} };
      samples = [];
      slots = { good: 0, bad: 0, skipped: 0 };
      isFull = false;
      taken.ring();
      return all;
    },
    async run(signal) {
      await learn([...items].filter(({ node }) => typeof node !== 'number'));
      if (ailing.size > 0) {
        const [{ tag, node }] = [...ailing.entries()].map(([item]) => item) as [Item];
        const example = { path: tag.path, status: nameOf(node as number) };
        log.warn(
          { source: config.id, tags: ailing.size, example },
          'the server does not have some nodes; trying again',
        );
      }
      for (;;) {
        const { at, due } = timetable.take(clock.now());
        if (due.length > 0) {
          reading = Math.max(at, startedAt);
          slots.skipped += due[0]!.skipped * tagCount();
          await readAll();
          isReady = true;
          isFull = true;
          reading = undefined;
          bell.ring();
          await taken.wait(signal);
          if ((ailing.nextMs ?? Number.POSITIVE_INFINITY) <= performance.now()) await heal();
        }
        await clock.sleep(Math.max(0, timetable.next - clock.now()) / 1000, signal);
      }
    },
  };
}
