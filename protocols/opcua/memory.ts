/** What outlives a session: what a source keeps from one to the next, and what each is made with. */
import type { TimeUs } from '../sample.ts';
import type { SourceContext } from '../tag-config.ts';
import type { OpcuaConfig, OpcuaTag } from './config.ts';
import type { Gaps } from './gaps.ts';
import type { Services } from './services.ts';
import type { OpcuaSession } from './session.ts';

/** What a group's patterns have found, by tag path. */
export type Found = ReadonlyMap<string, OpcuaTag>;

export interface Memory {
  /** Beside the configured tags, by group: found by browsing. */
  readonly found: Map<number, Found>;
  /** Of all that was found, by path. */
  foundIds: ReadonlyMap<string, number>;
  readonly gaps: Gaps;
  /** Of the last sample of every tag that has had one; where a node is several tags, of the first. */
  readonly lastTimes: Map<number, TimeUs>;
  /** Whether a session of this `read` has been up: another one follows with what was missed. */
  wasUp: boolean;
}

export interface AcquireOptions {
  readonly config: OpcuaConfig;
  readonly context: SourceContext;
  readonly opcua: OpcuaSession;
  readonly memory: Memory;
  readonly startedAt: TimeUs;
  /** The services of the session while it lives, for whoever asks for a single value. */
  onServices(services: Services): void;
}
