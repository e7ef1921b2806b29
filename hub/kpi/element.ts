/**
 * What an element says of itself: its unit, its groups, and how it is merged.
 *
 * A group is what is read and kept together of one asset. An element that several groups bear means the same in each
 * and is a sum, so that records of different groups of one asset merge into one.
 */

/** What the elements of a group belong to, and which of them add up to the one above. */
export const elementGroups = {
  production: 'A unit: its time, pieces, orders, stops and failures. Units add up to line, area and site.',
  states: 'A unit: its canonical states inside planned operation time. Adds up as production does.',
  inspection: 'A unit of which people tell inspections. Adds up as production does.',
  personnel: 'A unit, line or area of which people tell who was there. Adds up to all above.',
  electricity: 'An electricity meter. Add up meters of which none is above another.',
  carrier: 'A meter of any other carrier, in its own unit. Add up meters of one carrier and unit.',
  energy: 'A meter of any carrier, in MJ and kg CO₂e. Add up meters of which none is above another.',
  split: 'An electricity meter whose units have states: its energy by what they did.',
  supply: 'A site: what came from the grid, what it made, what it gave away.',
  balance: 'An electricity meter that has meters below it.',
  cap: 'An electricity meter while a cap on its demand was in force, by whole demand intervals.',
  event: 'A curtailment event with a baseline, at its meter; made by `eventElements` from stored cells.',
  weather: 'A site: degree days, from its outdoor temperature.',
  completeness: 'A tag. Tags add up to the asset above.',
  timeliness: 'A tag, from the ingest log: when its data came. Tags add up to the asset above.',
  connectivity: 'A site, from the ledger and the sessions of its sources.',
  clock: 'A site: clocks of its agents against true time.',
  tags: 'A contracted tag, as completeness; `tagCoverage` counts those of an asset in one whole window.',
} as const;
export type ElementGroup = keyof typeof elementGroups;

export type MergeRule = 'sum' | 'max';

export interface ElementSpec {
  readonly unit: string;
  readonly groups: readonly ElementGroup[];
  readonly meaning: string;
  readonly merge: MergeRule;
  /** Of a `max`: the element that says when it was, µs; it follows its maximum, the earlier one of two that are equal. */
  readonly at?: string;
  /**
   * What it may be merged over. A maximum of two meters is not the maximum of both together: the demand of a site is
   * computed in the cells from the sum of its meters. A count of complete tags is counted anew for every window.
   */
  readonly over: 'time and assets' | 'time' | 'assets';
}

export const sum = (unit: string, groups: ElementGroup | readonly ElementGroup[], meaning: string) =>
  ({
    unit,
    groups: typeof groups === 'string' ? [groups] : groups,
    meaning,
    merge: 'sum',
    over: 'time and assets',
  }) satisfies ElementSpec;

export const max = <const At extends string>(unit: string, group: ElementGroup, at: At, meaning: string) =>
  ({ unit, groups: [group], meaning, merge: 'max', at, over: 'time' }) satisfies ElementSpec;

/** When a maximum was; merged with it. */
export const at = (group: ElementGroup, of: string) =>
  ({
    unit: 'µs UTC',
    groups: [group],
    meaning: `start of the interval that set ${of}`,
    merge: 'max',
    over: 'time',
  }) satisfies ElementSpec;
