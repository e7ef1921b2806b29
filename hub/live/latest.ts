/**
 * The newest value of every tag, in memory, for screens. Ingest tells it each settled batch, so an update costs a look-up
 * per sample and allocates once per tag; which tag a (stream, id) is gets resolved only when somebody reads.
 *
 * While a backlog drains, screens do not run through history (R23): an agent says what holds now on `up/live`, which is
 * shown as not stored yet, and of what was accepted long ago only the end counts, when the stream has caught up.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import type { SampleColumns, SampleValue, TimeUs } from '../../protocols/sample.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';

export interface LatestValue {
  readonly time: TimeUs;
  readonly value: SampleValue;
  readonly quality: number;
  /** False: the agent said so for screens, and the sample itself is still on its way. */
  readonly stored: boolean;
}

export interface TaggedLatestValue extends LatestValue {
  readonly tag: KnownTag;
}

export interface LatestValues {
  /** Grows with every update. */
  readonly version: number;
  /** Takes the samples of one settled batch. Older ones than already known change nothing (late data). */
  update(stream: number, samples: SampleColumns, acceptedAt?: TimeUs): void;
  /** Takes what an agent says holds now, before it is stored. */
  show(stream: number, samples: SampleColumns): void;
  of(tag: KnownTag): LatestValue | undefined;
  /** Every tag whose newest value changed after that version; 0 is every tag that has one. */
  since(version: number): TaggedLatestValue[];
}

interface Slot {
  time: TimeUs;
  value: SampleValue;
  quality: number;
  stored: boolean;
  version: number;
}

type Slots = Map<number, Slot>;

/** Wall time from acceptance to arrival beyond which a sample is history. */
const historicalMs = 60_000;

export function createLatestValues(
  tags: () => readonly KnownTag[],
  clock: Pick<Clock, 'now' | 'wallMs'>,
): LatestValues {
  const streams = new Map<number, Slots>();
  /** Newest of what came too late, until the stream has caught up. */
  const late = new Map<number, Slots>();
  let version = 0;

  /** A tag has one key per epoch of its agent: the newest sample of all of them counts. */
  const slotOf = (tag: KnownTag): Slot | undefined => {
    let newest: Slot | undefined;
    for (const key of tag.keys) {
      const slot = streams.get(key.stream)?.get(key.tag);
      if (slot && (!newest || slot.time >= newest.time)) newest = slot;
    }
    return newest;
  };

  const slotsOf = (all: Map<number, Slots>, stream: number): Slots => {
    let slots = all.get(stream);
    if (!slots) {
      slots = new Map();
      all.set(stream, slots);
    }
    return slots;
  };

  /** A sample that is stored takes the place of the same one that was only shown. */
  const put = (slots: Slots, samples: SampleColumns, stored: boolean) => {
    for (let i = 0; i < samples.tags.length; i++) {
      const time = samples.times[i]!;
      const value = samples.values[i]!;
      const quality = samples.qualities[i]!;
      const slot = slots.get(samples.tags[i]!);
      if (!slot) slots.set(samples.tags[i]!, { time, value, quality, stored, version });
      else if (time > slot.time || (time === slot.time && stored && (value !== slot.value || !slot.stored))) {
        slot.time = time;
        slot.value = value;
        slot.quality = quality;
        slot.stored = stored;
        slot.version = version;
      }
    }
  };

  const isHistory = (acceptedAt: TimeUs) => clock.wallMs((clock.now() - acceptedAt) / 1000) > historicalMs;

  /** What came too late holds still, where nothing newer has come: the stream has caught up. */
  const catchUp = (stream: number, slots: Slots) => {
    for (const [tag, slot] of late.get(stream) ?? []) {
      const known = slots.get(tag);
      if (!known || slot.time >= known.time) slots.set(tag, { ...slot, version });
    }
    late.delete(stream);
  };

  return {
    get version() {
      return version;
    },
    update(stream, samples, acceptedAt) {
      if (acceptedAt !== undefined && isHistory(acceptedAt)) return put(slotsOf(late, stream), samples, true);
      version++;
      const slots = slotsOf(streams, stream);
      if (late.has(stream)) catchUp(stream, slots);
      put(slots, samples, true);
    },
    show(stream, samples) {
      version++;
      put(slotsOf(streams, stream), samples, false);
    },
    of: slotOf,
    since(after) {
      if (after >= version) return [];
      const changed: TaggedLatestValue[] = [];
      for (const tag of tags()) {
        const slot = slotOf(tag);
        if (slot && slot.version > after) {
          const { time, value, quality, stored } = slot;
          changed.push({ tag, time, value, quality, stored });
        }
      }
      return changed;
    },
  };
}

const keysPerQuery = 500;

/** After a restart: takes the newest stored sample of every tag in a window, so that screens need not wait for the next one. */
export async function warmLatestValues(
  latest: LatestValues,
  { reader, tags, from, to }: { reader: TelemetryReader; tags: readonly KnownTag[]; from: TimeUs; to: TimeUs },
  signal: AbortSignal,
): Promise<void> {
  const keys = tags.flatMap((tag) => tag.keys);
  for (let i = 0; i < keys.length; i += keysPerQuery) {
    const some = keys.slice(i, i + keysPerQuery);
    const found = await reader.series({ keys: some, from, to, limit: 1 }, signal);
    for (const [index, points] of found.entries()) {
      const { stream, tag } = some[index]!;
      if (points.times.length > 0) latest.update(stream, { ...points, tags: points.times.map(() => tag) });
    }
  }
}

const followEveryMs = 5000;
const followedUs = 60_000_000;

/** For as long as the signal lets it: what other ingest processes store, a few seconds later. */
export async function followStored(
  latest: LatestValues,
  { reader, tags, clock }: { reader: TelemetryReader; tags: () => readonly KnownTag[]; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await delay(followEveryMs, undefined, { signal }).catch(() => {});
    const to = clock.now() + 1;
    await warmLatestValues(latest, { reader, tags: tags(), from: to - followedUs, to }, signal).catch((error) => {
      // The store says itself that it is away; the next turn will tell.
      if (!(error instanceof ConnectionError) && !signal.aborted) throw error;
    });
  }
}
