/**
 * How the sums of neighbouring cells become those of a longer span. Nearly everything adds up; a maximum keeps its
 * time, and what is only known at the edges of a span is kept for both edges until the span is whole.
 */
import { maxima, mergeElements } from './elements.ts';
import type { Elements } from './result.ts';
import { addTo, type Sums, toElements, toldName } from './sums.ts';

const companions = new Set(maxima.values());

/**
 * Time before the first and after the last instant at which pieces were counted. Inside a span a gap is
 * bridged; at its edges nobody knows on which side the pieces were made. Where nothing was counted, all of it is lead.
 */
export const edges = {
  /** In planned busy time, and in all time. `lost` is time inside a span that could not be bridged. */
  sides: [
    { lead: 'PBT_lead_us', tail: 'PBT_tail_us', lost: 'PBT_lost_us', uncounted: 'PBT_uncounted_us' },
    { lead: 'lead_us', tail: 'tail_us', lost: 'lost_us', uncounted: 'uncounted_us' },
  ],
  counted: 'counted_cells',
  /** 1 where the first reading is no continuation of the last one before: the time before it is not bridged. */
  torn: 'count_torn',
} as const;
const ofEdges = new Set<string>([
  ...[edges.counted, edges.torn],
  ...edges.sides.flatMap(({ lead, tail, lost }) => [lead, tail, lost]),
]);

/** Puts the sums of the span that follows behind those of `sums`. */
export function mergeInTime(sums: Sums, next: Readonly<Sums>): void {
  for (const name in next) {
    const at = maxima.get(name);
    if (at !== undefined) keepGreater(sums, next, name, at);
    else if (!companions.has(name) && !ofEdges.has(name)) addTo(sums, name, next[name]!);
  }
  mergeEdges(sums, next);
}

function keepGreater(sums: Sums, next: Readonly<Sums>, name: string, at: string): void {
  if (sums[name] !== undefined && sums[name] >= next[name]!) return;
  sums[name] = next[name]!;
  if (next[at] !== undefined) sums[at] = next[at];
}

function mergeEdges(sums: Sums, next: Readonly<Sums>): void {
  const { sides, counted, torn } = edges;
  if (next[counted] === undefined) return;
  for (const { lead, tail, lost } of sides) {
    if (!sums[counted]) addTo(sums, lead, next[lead] ?? 0);
    else if (next[torn]) {
      addTo(sums, lost, (sums[tail] ?? 0) + (next[lead] ?? 0));
      sums[tail] = 0;
    } else if (!next[counted]) addTo(sums, tail, next[lead] ?? 0);
    if (next[counted]) sums[tail] = next[tail] ?? 0;
    if (next[lost]) addTo(sums, lost, next[lost]);
  }
  if (next[torn] && !sums[counted]) sums[torn] = 1;
  addTo(sums, counted, next[counted]);
}

/**
 * The elements of a whole span: what its edges leave open becomes one of them.
 * @param only those that are wanted; absent is all.
 */
export function finish(sums: Readonly<Sums>, only?: ReadonlySet<string>): Elements {
  const counted = sums[edges.counted];
  if (counted === undefined) return toElements(sums, undefined, only);
  const elements = toElements(sums, ofEdges, only);
  for (const { lead, tail, lost, uncounted } of edges.sides) {
    const openUs = (sums[lead] ?? 0) + (counted ? (sums[tail] ?? 0) + (sums[lost] ?? 0) : 0);
    const told = toldName(uncounted);
    if (!only || only.has(told)) elements[told] = openUs / 1e6;
  }
  return elements;
}

/** Of assets side by side over one span (R4). A maximum of the parts says nothing of the whole and is left out. */
export const addAssets = (parts: readonly Elements[]): Elements => mergeElements(parts, 'assets');
