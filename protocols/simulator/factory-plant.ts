/** What both plants of the demo have in common. */
import type { Random } from './factory-random.ts';
import type { Recorder } from './factory-record.ts';
import type { Timeline } from './factory-timeline.ts';

export interface PlantContext {
  readonly timeline: Timeline;
  readonly record: Recorder;
  /** A stream of random numbers by name. */
  random(stream: string): Random;
}

export interface PlannedUnit {
  /** Path of the unit below its site. */
  readonly unit: string;
  /** PRI of ISO 22400-2. */
  readonly plannedRunTimeS: number;
}

export interface Plant {
  readonly units: readonly PlannedUnit[];
  /** At every whole second: sets what is measured, and power and flow until the next one. */
  second(): void;
}
