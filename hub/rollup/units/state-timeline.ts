/**
 * What a unit did: its raw state and mode as a gapless run of canonical states. Where the source of either is not
 * known, or the sample is Bad, the unit's state is UNKNOWN: it is never carried over a gap (R5).
 */
import type { SampleValue, TimeUs } from '../../../protocols/sample.ts';
import { type CanonicalState, canonicalState, type StateMap } from '../../plant/canonical-state.ts';
import { intersect, type Span, type Spans } from '../../plant/spans.ts';
import type { Track } from '../samples/track.ts';

export interface StateSpan extends Span {
  readonly state: CanonicalState;
}

/** A raw signal, and when its latest sample was the truth. */
export interface KnownTrack {
  readonly track: Track;
  readonly told: Spans;
}

/** Ascending, without hole or overlap over [start, end), beyond which nothing is told; neighbours differ. */
export function stateTimeline(
  map: StateMap,
  state: KnownTrack,
  mode: KnownTrack | undefined,
  start: TimeUs,
  end: TimeUs,
): StateSpan[] {
  const bothTrue = mode ? intersect(state.told, mode.told) : state.told;
  const timeline: { start: TimeUs; end: TimeUs; state: CanonicalState }[] = [];
  const append = (from: TimeUs, to: TimeUs, canonical: CanonicalState) => {
    if (to <= from) return;
    const last = timeline.at(-1);
    if (last?.state === canonical) last.end = to;
    else timeline.push({ start: from, end: to, state: canonical });
  };
  const stateAt = createCursor(state.track);
  const modeAt = mode && createCursor(mode.track);
  let at = start;
  for (const span of bothTrue) {
    append(at, span.start, 'UNKNOWN');
    for (at = span.start; at < span.end; ) {
      const raw = stateAt(at);
      const rawMode = modeAt?.(at);
      const until = Math.min(span.end, raw.until, rawMode?.until ?? span.end);
      append(at, until, canonicalState(map, raw.value, rawMode?.value ?? null));
      at = until;
    }
  }
  append(at, end, 'UNKNOWN');
  return timeline;
}

/** The value that holds at a time, and until when; times asked for must ascend. */
function createCursor({ times, values }: Track): (time: TimeUs) => { value: SampleValue; until: TimeUs } {
  let next = 0;
  let value: SampleValue = null;
  return (time) => {
    while (next < times.length && (times[next]! <= time || values[next] === value)) value = values[next++]!;
    return { value, until: times[next] ?? Number.POSITIVE_INFINITY };
  };
}
