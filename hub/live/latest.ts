/**
 * The newest value of every tag, in memory, for screens. Ingest tells it each settled batch, so an update costs a look-up
 * per sample and allocates once per tag; which tag a (stream, id) is gets resolved only when somebody reads.
 */
import type { SampleColumns, SampleValue, TimeUs } from '../../protocols/sample.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import type { TelemetryReader } from '../store/store.ts';

export interface LatestValue {
  readonly time: TimeUs;
  readonly value: SampleValue;
  readonly quality: number;
}

export interface TaggedLatestValue extends LatestValue {
  readonly tag: KnownTag;
}

export interface LatestValues {
  /** Grows with every update. */
  readonly version: number;
  /** Takes the samples of one settled batch. Older ones than already known change nothing (late data). */
  update(stream: number, samples: SampleColumns): void;
  of(tag: KnownTag): LatestValue | undefined;
  /** Every tag whose newest value changed after that version; 0 is every tag that has one. */
  since(version: number): TaggedLatestValue[];
}

interface Slot {
  time: TimeUs;
  value: SampleValue;
  quality: number;
  version: number;
}

export function createLatestValues(tags: () => readonly KnownTag[]): LatestValues {
  const streams = new Map<number, Map<number, Slot>>();
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

  return {
    get version() {
      return version;
    },
    update(stream, samples) {
      let slots = streams.get(stream);
      if (!slots) {
        slots = new Map();
        streams.set(stream, slots);
      }
      version++;
      for (let i = 0; i < samples.tags.length; i++) {
        const time = samples.times[i]!;
        const value = samples.values[i]!;
        const quality = samples.qualities[i]!;
        const slot = slots.get(samples.tags[i]!);
        if (!slot) slots.set(samples.tags[i]!, { time, value, quality, version });
        else if (time >= slot.time) {
          slot.time = time;
          slot.value = value;
          slot.quality = quality;
          slot.version = version;
        }
      }
    },
    of: slotOf,
    since(after) {
      if (after >= version) return [];
      const changed: TaggedLatestValue[] = [];
      for (const tag of tags()) {
        const slot = slotOf(tag);
        if (slot && slot.version > after) {
          changed.push({ tag, time: slot.time, value: slot.value, quality: slot.quality });
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
