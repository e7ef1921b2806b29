/** The Source contract: one connection to one PLC, machine or meter, from connecting to losing it. */
import type { Inspection, InspectRequest } from './inspect.ts';
import type { Sample, TimeUs } from './sample.ts';

/** What a source hands over at a time, at most a few thousand samples. */
export interface Reading {
  readonly samples: readonly Sample[];
  /**
   * Everything this source measured up to this instant has now been handed over. Never falls within a session; the next
   * one, after the clock of the gateway was set back, may begin before it.
   */
  readonly through: TimeUs;
  /** Scheduled reads since the previous reading, one per tag; absent where nothing is scheduled (subscriptions). */
  readonly slots?: { readonly good: number; readonly bad: number; readonly skipped: number };
  /** Values that the device or a queue dropped since the previous reading, as far as they declare it. */
  readonly lost?: number;
  /**
   * The source lost sight of its tags and has recovered by itself: from `through` of the reading before until now,
   * nothing is known in full. For the runner one session has ended there, and another begins with this reading.
   */
  readonly resumed?: true;
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
  /**
   * Reads something once over the session that `read` holds, between the scheduled reads.
   * @throws {ConnectionError} when no session is up. @throws {RejectedError} when it cannot be read at all.
   */
  inspect(request: InspectRequest, signal: AbortSignal): Promise<Inspection>;
}
