/**
 * Whether agents reach the hub, devices their agents, and what their clocks say. An agent was connected while frames
 * followed each other and were committed soon after they were accepted; time in which none of its devices had a
 * session is not counted, since it had nothing to send.
 */
import { addTo, type Sums } from '../../kpi/sums.ts';
import type { Plant } from '../../plant/plant.ts';
import { clip, intersect, lengthUs, type Span, type Spans, subtract, union } from '../../plant/spans.ts';
import { minuteUs } from '../../plant/zone.ts';
import type { Arrival } from '../samples/arrivals.ts';
import type { SiteSource } from '../samples/site-tags.ts';
import type { Slice } from '../samples/slice.ts';

/** Committed later than this, a frame had waited in its agent. */
const liveUs = minuteUs;
/** Watermarks come at least every minute while a device has a session. */
const silentUs = 150_000_000;

const isLive = ({ acceptedAt, settledAt }: Arrival): boolean => settledAt - acceptedAt <= liveUs;

/** Group `connectivity` of a site. */
export function connectivityElements({ plannedWorks }: Plant, sources: readonly SiteSource[], cell: Slice): Sums {
  const sums: Sums = {
    ...{ agent_us: 0, agent_down_us: 0, agent_planned_us: 0 },
    ...{ device_us: 0, device_down_us: 0, device_planned_us: 0 },
  };
  const count = (what: 'agent' | 'device', expected: Spans, connected: Spans) => {
    const down = subtract(expected, connected);
    addTo(sums, `${what}_us`, lengthUs(subtract(expected, plannedWorks)));
    addTo(sums, `${what}_down_us`, lengthUs(subtract(down, plannedWorks)));
    addTo(sums, `${what}_planned_us`, lengthUs(intersect(down, plannedWorks)));
  };
  for (const own of Map.groupBy(sources, ({ agent }) => agent).values()) {
    const sessions = union(...own.map((source) => cell.health(source).sessions));
    count('agent', clip(sessions, cell.start, cell.end), connectedSpans(cell.arrivals(own[0]!)));
  }
  for (const source of sources) count('device', [cell], cell.health(source).known);
  return sums;
}

function connectedSpans(arrivals: readonly Arrival[]): Spans {
  const spans: Span[] = [];
  let before: Arrival | undefined;
  for (const arrival of arrivals.filter(isLive)) {
    if (before && arrival.acceptedAt - before.acceptedAt <= silentUs) {
      spans.push({ start: before.acceptedAt, end: arrival.acceptedAt });
    }
    before = arrival;
  }
  return union(spans);
}

/**
 * Group `clock` of a site: how far at most an agent's clock was off. Of the live frames of a cell, the one that was
 * committed soonest after it was accepted; empty where there was none.
 */
export function clockElements(sources: readonly SiteSource[], cell: Slice): Sums {
  let greatest: number | undefined;
  for (const [source] of Map.groupBy(sources, ({ agent }) => agent).values()) {
    const offsets = cell
      .arrivals(source!)
      .filter((one) => isLive(one) && cell.start <= one.acceptedAt && one.acceptedAt < cell.end)
      .map(({ acceptedAt, settledAt }) => Math.abs(settledAt - acceptedAt));
    if (offsets.length > 0) greatest = Math.max(greatest ?? 0, Math.min(...offsets));
  }
  return greatest === undefined ? {} : { clock_max_s: greatest / 1e6, clock_max_at_us: cell.start };
}
