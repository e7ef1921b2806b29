/**
 * When a source was known, from the health tags that its agent sends in the stream (delivery.md §0.7). A session is
 * reported up only after a first complete reading, so inside known time the latest sample of every tag is the truth,
 * however old it is; outside, nothing is known, whatever the tags last said.
 */
import type { TimeUs } from '../../../protocols/sample.ts';
import type { Span, Spans } from '../../plant/spans.ts';
import { numberOf, type Track } from './track.ts';

export interface SourceHealth {
  /** When the latest samples of the source's tags were the truth. */
  readonly known: Spans;
  /** Everything measured up to here has arrived; undefined before the first watermark. */
  readonly watermark: TimeUs | undefined;
}

/** Within one instant a session comes up, then reports its watermark, then goes down. */
const rank = { up: 0, through: 1, down: 2 } as const;

interface HealthEvent {
  readonly time: TimeUs;
  readonly kind: keyof typeof rank;
  readonly through: TimeUs;
}

/**
 * @param session the `health_session` samples: true is up, false is down.
 * @param through the `health_through` samples, in µs.
 *
 * A watermark is told within a session only: where the session's beginning is gone, lost or deleted by retention, it is
 * known from its first watermark on.
 * A session that is followed by another without a down has crashed, and one without an end may have: each is known
 * only up to its own last watermark.
 */
export function sourceHealth(session: Track, through: Track): SourceHealth {
  const known: Span[] = [];
  let up: TimeUs | undefined;
  let sessionThrough = Number.NEGATIVE_INFINITY;
  let watermark: TimeUs | undefined;

  const close = (end: TimeUs) => {
    const knownUntil = Math.min(end, sessionThrough);
    if (up !== undefined && up < knownUntil) known.push({ start: up, end: knownUntil });
    up = undefined;
    sessionThrough = Number.NEGATIVE_INFINITY;
  };
  for (const event of healthEvents(session, through)) {
    if (event.kind === 'through') {
      up ??= event.time;
      sessionThrough = Math.max(sessionThrough, event.through);
      watermark = Math.max(watermark ?? event.through, event.through);
    } else {
      close(event.time);
      if (event.kind === 'up') up = event.time;
    }
  }
  close(Number.POSITIVE_INFINITY);
  return { known, watermark };
}

export interface SourceReports {
  /** From each session's begin to its end; of one that only stopped speaking, to the next or for ever. */
  readonly sessions: Spans;
  /** When it first told that it had reported everything up to a time; undefined is not yet, as far as it was read. */
  reachedAt(time: TimeUs): TimeUs | undefined;
}

/** From the same samples: when the source spoke, not what it knew. */
export function sourceReports(session: Track, through: Track): SourceReports {
  const events = healthEvents(session, through);
  const turns = events.filter(({ kind }) => kind !== 'through');
  const reports = events.filter(({ kind }) => kind === 'through');
  return {
    sessions: turns.flatMap(({ kind, time }, at) => {
      const end = turns[at + 1]?.time ?? Number.POSITIVE_INFINITY;
      return kind === 'up' && time < end ? [{ start: time, end }] : [];
    }),
    reachedAt: (time) => reports.find((report) => report.time >= time && report.through >= time)?.time,
  };
}

function healthEvents(session: Track, through: Track): HealthEvent[] {
  const events: HealthEvent[] = [];
  for (let i = 0; i < session.times.length; i++) {
    const value = session.values[i];
    if (typeof value === 'boolean') events.push({ time: session.times[i]!, kind: value ? 'up' : 'down', through: 0 });
  }
  for (let i = 0; i < through.times.length; i++) {
    const value = numberOf(through.values[i]!);
    if (value !== undefined) events.push({ time: through.times[i]!, kind: 'through', through: value });
  }
  return events.sort((a, b) => a.time - b.time || rank[a.kind] - rank[b.kind]);
}
