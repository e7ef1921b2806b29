/** What only people can tell of a place: which of its pieces were good at once, and who was there. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Span } from './spans.ts';

/** Pieces that somebody inspected for the first time. */
export interface Inspection extends Span {
  readonly inspected: number;
  readonly good: number;
}

/** People who were there all of the time, breaks included, and how long all of them together worked on orders. */
export interface Attendance extends Span {
  readonly people: number;
  readonly workedUs: number;
}

export interface Told<Said extends Span> {
  /** Where its stored figures begin: the earliest that anybody ever told, taken back or not. */
  readonly since: TimeUs;
  /** In force; ascending, none overlaps. The place is taken to be told of from the first of them on. */
  readonly said: readonly Said[];
}

/** By full path. */
export interface ToldOfPlaces {
  readonly inspections: ReadonlyMap<string, Told<Inspection>>;
  readonly attendances: ReadonlyMap<string, Told<Attendance>>;
}
