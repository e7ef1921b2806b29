/**
 * Decides which measured values become samples: report by exception with deadband and heartbeat.
 * A new session starts from nothing, so that the first reading of every session is reported whole.
 */
import {
  flag,
  isBad,
  normaliseInteger,
  quality,
  type Sample,
  type SampleValue,
  type TimeUs,
} from '../protocols/sample.ts';
import type { Report } from '../protocols/tag-config.ts';

/** Longer texts are not values; they would not fit a frame. */
const maxTextLength = 4096;

interface LastReported {
  readonly report: Report;
  time: TimeUs;
  value: SampleValue;
  quality: number;
}

export interface Sampler {
  /** The samples worth keeping, in order. */
  take(measured: readonly Sample[]): Sample[];
  /** Forget what was reported: the next value of every tag is a sample. */
  reset(): void;
}

/** @param now for values whose own time cannot be one. */
export function createSampler(reports: ReadonlyMap<number, Report>, now: () => TimeUs): Sampler {
  const lastByTag = new Map<number, LastReported>();

  const forget = () => {
    for (const [tag, report] of reports)
      lastByTag.set(tag, { report, time: Number.NEGATIVE_INFINITY, value: null, quality: -1 });
  };
  forget();

  const judge = (sample: Sample): Sample | undefined => {
    const last = lastByTag.get(sample.tag);
    if (!last) return undefined;
    const changed =
      last.report.mode === 'always' ||
      sample.quality !== last.quality ||
      differs(sample.value, last.value, last.report.deadband);
    const due = sample.time - last.time >= last.report.heartbeatMs * 1000;
    if (!changed && !due) return undefined;
    last.time = sample.time;
    last.value = sample.value;
    last.quality = sample.quality;
    return changed ? sample : { ...sample, flags: sample.flags | flag.heartbeat };
  };

  return {
    take(measured) {
      const kept: Sample[] = [];
      for (const sample of measured) {
        const chosen = judge(representable(sample, now));
        if (chosen) kept.push(chosen);
      }
      return kept;
    },
    reset: forget,
  };
}

function differs(a: SampleValue, b: SampleValue, deadband: number): boolean {
  if (deadband > 0 && typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) >= deadband;
  return a !== b;
}

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
