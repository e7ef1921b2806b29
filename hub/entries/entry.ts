/** What people know and machines do not: what an entry says, and one line of its history. Times are µs UTC. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Span, Spans } from '../plant/spans.ts';

interface About {
  /** Full path of the unit or meter; of attendance, also of a line or area. */
  readonly asset: string;
  readonly from: TimeUs;
  /** Not in it. Of a reading, its time once more. */
  readonly to: TimeUs;
  readonly note?: string | undefined;
}

export interface DowntimeEntry extends About {
  readonly kind: 'downtime';
  /** Code of the plant's tree. */
  readonly reason: string;
}

export interface OrderEntry extends About {
  readonly kind: 'order';
  readonly code?: string | undefined;
  readonly product?: string | undefined;
  /** POQ and PSQ of ISO 22400-2, pieces. */
  readonly quantity?: number | undefined;
  readonly plannedScrap?: number | undefined;
  readonly planned?: Span | undefined;
}

export interface CountEntry extends About {
  readonly kind: 'count';
  readonly good: number;
  readonly scrap: number;
  readonly rework: number;
}

export interface ReadingEntry extends About {
  readonly kind: 'reading';
  /** What the register shows, in the meter's unit. */
  readonly value: number;
}

export interface BillEntry extends About {
  readonly kind: 'bill';
  /** In the meter's unit. */
  readonly quantity: number;
  readonly amountIrr: number;
  readonly number?: string | undefined;
}

export interface InspectionEntry extends About {
  readonly kind: 'inspection';
  /** Pieces inspected for the first time (IP of ISO 22400-2), and those of them that were good then (GP). */
  readonly inspected: number;
  readonly good: number;
  readonly product?: string | undefined;
}

/** Who was at a unit, line or area: a number, never a name. */
export interface AttendanceEntry extends About {
  readonly kind: 'attendance';
  readonly people: number;
  /** Person-hours on orders, of all of them together (APWT of ISO 22400-2). */
  readonly workedH: number;
}

export type EntryContent =
  | DowntimeEntry
  | OrderEntry
  | CountEntry
  | InspectionEntry
  | AttendanceEntry
  | ReadingEntry
  | BillEntry;
export const entryKinds = ['downtime', 'order', 'count', 'inspection', 'attendance', 'reading', 'bill'] as const;
export type EntryKind = (typeof entryKinds)[number];

export interface EntryRevision {
  /** Of all lines of all entries, rising. */
  readonly number: number;
  /** Number of its first line: what an entry is known by. */
  readonly entry: number;
  /** From 1. */
  readonly revision: number;
  readonly site: string;
  readonly author: string;
  readonly at: TimeUs;
  /** Why it was corrected or undone; empty for a first line. */
  readonly why: string;
  /** null says that there is no such entry any more. */
  readonly content: EntryContent | null;
}

/** Figures of this time of a site may change. */
export interface EntryChange {
  readonly number: number;
  readonly site: string;
  readonly spans: Spans;
}
