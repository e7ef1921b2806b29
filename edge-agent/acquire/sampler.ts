/**
 * Which measurements become samples: report by exception with deadband and heartbeat. A new session starts from nothing,
 * so that the first reading of every session is reported whole.
 *
 * A heartbeat repeats a measurement, never a value: it is due when a value is measured again, unchanged, and bears the
 * time of that measurement. Where the source itself says that nothing was measured since (a subscription that is silent,
 * a polled node whose own time stands still), nothing is sent: an old value with a new time would be invented, with its
 * old time it is there already. That the value still holds, the hub knows from the source's watermark (health.ts).
 */
import {
  flag,
  isBad,
  normaliseInteger,
  quality,
  type Sample,
  type SampleValue,
  type TimeUs,
} from '../../protocols/sample.ts';
import type { Report, TagDeclaration } from '../../protocols/tag-config.ts';

/** As of `reportingOf`. */
export type Reporting = Pick<Report, 'mode' | 'deadband' | 'heartbeatMs'>;

/** The larger of both deadbands, in the tag's unit. Without a range, a percentage is left to the source that knows one. */
export function reportingOf({ report, range }: Pick<TagDeclaration, 'report' | 'range'>): Reporting {
  const { mode, heartbeatMs, deadband, deadbandPercent } = report;
  const share = range ? (deadbandPercent / 100) * (range[1] - range[0]) : 0;
  return { mode, heartbeatMs, deadband: Math.max(deadband, share) };
}

/** A tag's newest measurement, reported or not. */
export interface Latest {
  readonly sample: Sample;
  /** When the driver handed it over. */
  readonly measuredAt: TimeUs;
  /** Since when every measurement has been Good, Uncertain or Bad as this one is; by the gateway's clock. */
  readonly since: TimeUs;
}

export interface Sampler {
  /** The samples worth keeping, in order. */
  take(measured: readonly Sample[], measuredAt?: TimeUs): Sample[];
  /** Forget what was reported: the next value of every tag is a sample. */
  reset(): void;
  /** More tags. Those that are known go on as they were; those that are gone may still have a last word to say. */
  addTags(tags: ReadonlyMap<number, Reporting>): void;
  latest(tag: number): Latest | undefined;
  /** Samples whose own time was not believed. */
  readonly clockSuspect: number;
}

/** Longer texts are not values; they would not fit a frame. */
const maxTextLength = 4096;
/** Samples that are told in any case, and say nothing about what is true now or was reported last. */
const beside = flag.historical;
/** Something before it was lost, and this sample is the word of it. */
const always = flag.queueOverflow;

/** What one look-up finds: the rule, what was reported last, and what was measured last. */
interface TagState {
  reporting: Reporting;
  heartbeatUs: number;
  time: TimeUs;
  value: SampleValue;
  quality: number;
  newest: Sample | undefined;
  newestAt: TimeUs;
  newestSince: TimeUs;
}

/** @param now for values whose own time cannot be one. */
export function createSampler(tags: ReadonlyMap<number, Reporting>, now: () => TimeUs): Sampler {
  const states = new Map<number, TagState>();
  let clockSuspect = 0;

  const forget = (state: TagState) => {
    state.time = Number.NEGATIVE_INFINITY;
    state.value = null;
    state.quality = -1;
  };
  const addTags = (more: ReadonlyMap<number, Reporting>) => {
    for (const [tag, reporting] of more) {
      const heartbeatUs = reporting.heartbeatMs * 1000;
      const state = states.get(tag);
      if (state) Object.assign(state, { reporting, heartbeatUs });
      else {
        const reported = { time: 0, value: null, quality: -1 };
        const added = { reporting, heartbeatUs, ...reported, newest: undefined, newestAt: 0, newestSince: 0 };
        forget(added);
        states.set(tag, added);
      }
    }
  };
  addTags(tags);

  const judge = (sample: Sample, measuredAt: TimeUs): Sample | undefined => {
    const state = states.get(sample.tag);
    if (!state) return undefined;
    if (sample.flags & flag.clockSuspect) clockSuspect++;
    if (sample.flags & beside) return sample;
    if (!state.newest || severity(state.newest) !== severity(sample)) state.newestSince = measuredAt;
    state.newest = sample;
    state.newestAt = measuredAt;
    const changed =
      state.reporting.mode === 'always' ||
      sample.quality !== state.quality ||
      differs(sample.value, state.value, state.reporting.deadband) ||
      (sample.flags & always) !== 0;
    if (!changed) {
      // A source's clock that was set back must not silence its tags until it has caught up.
      const elapsed = sample.time - state.time;
      if (elapsed < state.heartbeatUs && elapsed > -state.heartbeatUs) return undefined;
    }
    state.time = sample.time;
    state.value = sample.value;
    state.quality = sample.quality;
    return changed ? sample : { ...sample, flags: sample.flags | flag.heartbeat };
  };

  return {
    take(measured, measuredAt = now()) {
      const kept: Sample[] = [];
      for (const sample of measured) {
        const chosen = judge(representable(sample, now), measuredAt);
        if (chosen) kept.push(chosen);
      }
      return kept;
    },
    reset() {
      for (const state of states.values()) forget(state);
    },
    addTags,
    latest(tag) {
      const state = states.get(tag);
      return state?.newest && { sample: state.newest, measuredAt: state.newestAt, since: state.newestSince };
    },
    get clockSuspect() {
      return clockSuspect;
    },
  };
}

/** Good, Uncertain or Bad: the first two bits (OPC 10000-4 7.39.1). */
const severity = ({ quality }: Sample): number => quality >>> 30;

function differs(a: SampleValue, b: SampleValue, deadband: number): boolean {
  if (deadband > 0) {
    if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) >= deadband;
    // Beyond 2^53 the difference is what counts, and it is exact.
    if (isInteger(a) && isInteger(b)) return Math.abs(Number(BigInt(a) - BigInt(b))) >= deadband;
  }
  return a !== b;
}

const isInteger = (value: SampleValue): value is number | bigint =>
  typeof value === 'bigint' || Number.isSafeInteger(value);

/** Bad never carries a value, and what a frame cannot carry is Bad. */
function representable(sample: Sample, now: () => TimeUs): Sample {
  if (!(Number.isSafeInteger(sample.time) && sample.time >= 0)) {
    return representable(
      { ...sample, time: now(), flags: sample.flags | flag.timeFromGateway | flag.clockSuspect },
      now,
    );
  }
  const { value } = sample;
  if (isBad(sample.quality)) return value === null ? sample : { ...sample, value: null };
  if (value === null) return { ...sample, quality: quality.bad };
  if (typeof value === 'bigint') return representableInteger(sample, value);
  const fits =
    typeof value === 'number'
      ? Number.isFinite(value)
      : typeof value !== 'string' || (value.length <= maxTextLength && value.isWellFormed());
  return fits ? sample : { ...sample, value: null, quality: quality.badOutOfRange };
}

/** 64-bit integers, signed or not; as bigint only where number is not exact. */
function representableInteger(sample: Sample, value: bigint): Sample {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) return { ...sample, value: null, quality: quality.badOutOfRange };
  const normal = normaliseInteger(value);
  return typeof normal === 'bigint' ? sample : { ...sample, value: normal };
}
