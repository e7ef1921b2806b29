/**
 * When a source was known, from the health tags that its agent sends in the stream (delivery.md §0.7). A session is
 * reported up only after a first complete reading, so inside known time the latest sample of every tag is the truth,
 * however old it is; outside, nothing is known, whatever the tags last said.
 */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Span, Spans } from '../plant/spans.ts';
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
