/** What measures within a session: a subscription, or the polling of a group. The session takes from each in turn. */
import type { Clock } from '../clock.ts';
import type { Sample, TimeUs } from '../sample.ts';
import type { Reading } from '../source.ts';
import type { Bell } from './bell.ts';
import type { OpcuaConfig, OpcuaGroup } from './config.ts';
import type { Item } from './item.ts';
import type { KnownPaths } from './resolve.ts';
import type { Services } from './services.ts';
import type { OpcuaSession } from './session.ts';

export interface Part {
  /** What came since the last call. */
  take(): Taken;
  /** Each of its tags has had its first sample in this session. */
  readonly isReady: boolean;
  /** Everything that this part measured up to here has been taken. */
  readonly through: TimeUs;
  add(items: readonly Item[]): void;
  remove(items: readonly Item[]): void;
  /** Works until the signal aborts. @throws what ends the session. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Taken {
  readonly samples: readonly Sample[];
  readonly slots?: Reading['slots'];
  readonly lost: number;
  /** What happened since `through` of the time before is not known. */
  readonly resumed: boolean;
  /** To be called when the samples are kept. */
  kept(): void;
}

export const nothing: Taken = { samples: [], lost: 0, resumed: false, kept() {} };

/** What the parts of a session work with. */
export interface Workbench {
  readonly config: OpcuaConfig;
  readonly group: OpcuaGroup;
  readonly opcua: OpcuaSession;
  readonly services: Services;
  readonly paths: KnownPaths;
  readonly clock: Clock;
  readonly bell: Bell;
  readonly startedAt: TimeUs;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}
