/**
 * How the sums of neighbouring cells become those of a longer span. Nearly everything adds up; a maximum keeps its
 * time, and what is only known at the edges of a span is kept for both edges until the span is whole.
 */
import { maxima, mergeElements } from '../kpi/elements.ts';
import type { Elements } from '../kpi/result.ts';
import { addTo, type Sums, toElements } from './sums.ts';

const companions = new Set(maxima.values());

/**
 * Planned busy time before the first and after the last instant at which pieces were counted. Inside a span a gap is
 * bridged; at its edges nobody knows on which side the pieces were made. Where nothing was counted, all of it is lead.
 */
export const edges = { lead: 'PBT_lead_us', tail: 'PBT_tail_us', counted: 'counted_cells' } as const;

/** Puts the sums of the span that follows behind those of `sums`. */
export function mergeInTime(sums: Sums, next: Readonly<Sums>): void {
  for (const name in next) {
    const at = maxima.get(name);
    if (at !== undefined) keepGreater(sums, next, name, at);
    else if (!companions.has(name) && name !== edges.lead && name !== edges.tail && name !== edges.counted) {
      addTo(sums, name, next[name]!);
    }
  }
  mergeEdges(sums, next);
}

function keepGreater(sums: Sums, next: Readonly<Sums>, name: string, at: string): void {
  if (sums[name] !== undefined && sums[name] >= next[name]!) return;
  sums[name] = next[name]!;
  if (next[at] !== undefined) sums[at] = next[at];
}

function mergeEdges(sums: Sums, next: Readonly<Sums>): void {
  const { lead, tail, counted } = edges;
  if (next[lead] === undefined) return;
  if (!sums[counted]) sums[lead] = (sums[lead] ?? 0) + next[lead];
  if (next[counted]) sums[tail] = next[tail]!;
  else if (sums[counted]) sums[tail] = (sums[tail] ?? 0) + next[lead];
  sums[counted] = (sums[counted] ?? 0) + next[counted]!;
}

/** The elements of a whole span: what its edges leave open becomes one of them. */
export function finish(sums: Readonly<Sums>): Elements {
  const { [edges.lead]: lead, [edges.tail]: tail = 0, [edges.counted]: counted, ...rest } = sums;
  return toElements(lead === undefined ? rest : { ...rest, PBT_uncounted_us: counted ? lead + tail : lead });
}

/** Of assets side by side over one span (R4). A maximum of the parts says nothing of the whole and is left out. */
export const addAssets = (parts: readonly Elements[]): Elements => mergeElements(parts, 'assets');
