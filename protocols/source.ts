/** The Source contract: one connection to one PLC, machine or meter, from connecting to losing it. */
import type { Sample, TimeUs } from './sample.ts';

/** What a source hands over at a time, at most a few thousand samples. */
export interface Reading {
  readonly samples: readonly Sample[];
  /** Everything this source measured up to this instant has now been handed over. Never falls. */
  readonly through: TimeUs;
  /** Scheduled reads since the previous reading, one per tag; absent where nothing is scheduled (subscriptions). */
  readonly slots?: { readonly good: number; readonly bad: number; readonly skipped: number };
  /** Values that the device or a queue dropped since the previous reading, as far as they declare it. */
  readonly lost?: number;
}

export interface Source {
  /** Names the source in health tags, logs and metrics. */
  readonly id: string;
  /**
   * Connects and reads until the signal aborts, then ends quietly. The first reading holds a sample of every tag
   * (Bad where a tag cannot be read): when it arrives, the session is up.
   * @throws {ConnectionError} when the connection cannot be made or is lost. Never retries by itself.
   */
  read(signal: AbortSignal): AsyncIterable<Reading>;
}
