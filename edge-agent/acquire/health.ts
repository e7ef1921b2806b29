/**
 * The reserved tags of a source. They travel as numbered samples in the stream, after the samples they speak of,
 * so that the hub knows from the data itself what it can know: completeness is computed from them, not from silence.
 */
import type { ManifestTag, TagRole } from '../../protocols/manifest.ts';
import { quality, type Sample, type SampleValue, type TimeUs } from '../../protocols/sample.ts';
import type { Reading } from '../../protocols/source.ts';

type HealthTag = 'session' | 'through' | 'slots_good' | 'slots_bad' | 'slots_skipped' | 'lost';
const healthTags: readonly HealthTag[] = ['session', 'through', 'slots_good', 'slots_bad', 'slots_skipped', 'lost'];

const healthPath = (source: string, tag: HealthTag): string => `health/${source}/${tag}`;

export function healthDeclarations(source: string, intervalMs: number): Omit<ManifestTag, 'id'>[] {
  return healthTags.map((tag) => ({
    path: healthPath(source, tag),
    type: tag === 'session' ? 'bool' : 'int',
    unit: tag === 'through' ? 'us' : '',
    role: `health_${tag}` satisfies TagRole,
    source,
    intervalMs,
  }));
}

export interface SourceHealth {
  /** What to send after the samples of this reading: the session's start, and now and then the watermark and counts. */
  after(reading: Reading, now: TimeUs): Sample[];
  /** What to send when the session has ended, however it did. */
  ended(now: TimeUs): Sample[];
  readonly up: boolean;
  /** Since this source was made. */
  readonly slots: { readonly good: number; readonly bad: number; readonly skipped: number };
  readonly lost: number;
}

export function createSourceHealth(source: string, ids: ReadonlyMap<string, number>, intervalMs: number): SourceHealth {
  const id = (tag: HealthTag): number => ids.get(healthPath(source, tag))!;
  const tagIds = Object.fromEntries(healthTags.map((tag) => [tag, id(tag)])) as Record<HealthTag, number>;
  const counts = { slots_good: 0, slots_bad: 0, slots_skipped: 0, lost: 0 };
  let up = false;
  let through: TimeUs = 0;
  let reportedAt: TimeUs = 0;

  const sample = (tag: HealthTag, value: SampleValue, time: TimeUs): Sample => ({
    tag: tagIds[tag],
    time,
    value,
    quality: quality.good,
    flags: 0,
  });
  const report = (now: TimeUs): Sample[] => {
    reportedAt = now;
    const totals = Object.entries(counts).map(([tag, count]) => sample(tag as HealthTag, count, now));
    return [sample('through', through, now), ...totals];
  };

  return {
    get up() {
      return up;
    },
    get slots() {
      return { good: counts.slots_good, bad: counts.slots_bad, skipped: counts.slots_skipped };
    },
    get lost() {
      return counts.lost;
    },
    after(reading, now) {
      // Within a session it never falls; the next may begin on the other side of a clock that was set back.
      through = up ? Math.max(through, reading.through) : reading.through;
      counts.slots_good += reading.slots?.good ?? 0;
      counts.slots_bad += reading.slots?.bad ?? 0;
      counts.slots_skipped += reading.slots?.skipped ?? 0;
      counts.lost += reading.lost ?? 0;
      if (!up) {
        up = true;
        return [sample('session', true, now), ...report(now)];
      }
      // A clock that is set back must not silence it.
      return Math.abs(now - reportedAt) >= intervalMs * 1000 ? report(now) : [];
    },
    ended(now) {
      if (!up) return [];
      up = false;
      through = Math.min(through, now);
      return [...report(now), sample('session', false, now)];
    },
  };
}
