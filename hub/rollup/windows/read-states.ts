/** What units did over a window, read slice by slice: gapless runs of canonical states, UNKNOWN where nobody knows. */
import type { Plant, Unit } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { zoneOffsetUs } from '../../plant/zone.ts';
import type { TelemetryReader } from '../../store/store.ts';
import type { SiteTag, SiteTags } from '../samples/site-tags.ts';
import { readSlice, sliceSpans } from '../samples/slice.ts';
import type { StateSpan } from '../units/state-timeline.ts';
import { bindUnit, unitTimeline } from '../units/unit-elements.ts';

/** The tags that states are read from. */
export const stateTags = (units: readonly Unit[], tags: SiteTags): SiteTag[] => [
  ...new Set(
    units.flatMap((unit) => {
      const { state, mode } = bindUnit(unit, tags);
      return [state, mode].filter((tag) => tag !== undefined);
    }),
  ),
];

/** @throws {ConnectionError} the store is away. */
export async function readStates(
  reader: Pick<TelemetryReader, 'series'>,
  plant: Plant,
  units: readonly Unit[],
  tags: SiteTags,
  { start, end }: Span,
  signal: AbortSignal,
): Promise<Map<Unit, StateSpan[]>> {
  const needed = stateTags(units, tags);
  const needs = {
    ...{ tags: needed, counters: [], registers: [], registerBackUs: 0 },
    ...{ states: [], stateBackUs: 0, stateAheadUs: 0, slots: [] },
  };
  const timelines = new Map<Unit, StateSpan[]>(units.map((unit) => [unit, []]));
  for (const span of sliceSpans(needed, start, end, zoneOffsetUs(plant.zone, start))) {
    signal.throwIfAborted();
    const slice = await readSlice(reader, needs, span, signal);
    for (const [unit, timeline] of timelines) {
      for (const one of unitTimeline(unit, bindUnit(unit, tags), slice)) append(timeline, one);
    }
  }
  return timelines;
}

function append(timeline: StateSpan[], next: StateSpan): void {
  const last = timeline.at(-1);
  if (last?.state === next.state && last.end === next.start) timeline[timeline.length - 1] = { ...last, end: next.end };
  else timeline.push(next);
}
