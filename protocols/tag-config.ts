/** What an operator writes about a tag whatever the protocol, and what a driver is given to work with. */
import { z } from 'zod';
import type { Clock } from './clock.ts';
import type { InspectRequest } from './inspect.ts';
import { counterSchema, type ManifestTag, tagPathSchema, tagRoles } from './manifest.ts';
import type { TimeUs } from './sample.ts';
import type { ReadSecret } from './secret.ts';

/** Report by exception: which of the measured values become samples. */
export const reportSchema = z.strictObject({
  /** `change`: when value or quality changed beyond the deadband, or the heartbeat is due. `always`: every measurement. */
  mode: z.enum(['change', 'always']).default('change'),
  /** Smallest change of a number that counts, in the tag's unit. */
  deadband: z.number().min(0).default(0),
  /** The same in percent of the tag's `range`; the larger of the two counts. */
  deadbandPercent: z.number().min(0).max(100).default(0),
  /** An unchanged value is reported again after this long. */
  heartbeatMs: z.number().min(1000).default(60_000),
});
export type Report = z.infer<typeof reportSchema>;

/** Every driver's tag schema extends this one. */
export const tagConfigSchema = z.strictObject({
  /** ISA-95 path below the site: `machining/line-1/cnc-1/state`. */
  path: tagPathSchema,
  unit: z.string().max(20).default(''),
  role: z
    .enum(tagRoles)
    .exclude([
      'health_session',
      'health_through',
      'health_slots_good',
      'health_slots_bad',
      'health_slots_skipped',
      'health_lost',
    ])
    .default('process'),
  counter: counterSchema.optional(),
  report: reportSchema.prefault({}),
  /** What goes first when the buffer is full; absent: by the role. */
  keep: z.enum(['critical', 'normal', 'bulk']).optional(),
  /** Lowest and highest value of the measuring range, in the tag's unit. */
  range: z
    .tuple([z.number(), z.number()])
    .refine(([low, high]) => low < high, 'must be [lowest, highest]')
    .optional(),
});

/** What a driver says of each of its tags, from its configuration alone; the agent adds id and source. */
export interface TagDeclaration extends Omit<ManifestTag, 'id' | 'source'> {
  readonly report: Report;
  readonly range?: readonly [number, number] | undefined;
  readonly keep?: 'critical' | 'normal' | 'bulk' | undefined;
  /** Where it is read, for people: `unit 1, holding 40011, uint32 CDAB`. Changes whenever another thing would be read. */
  readonly address: string;
  /** How to read it once, undecoded. */
  readonly inspect: InspectRequest;
  /** What was missed is read from the source's history: its newest accepted time must outlive the process. */
  readonly history?: boolean | undefined;
}

/** What a driver's source is made with, besides its configuration. */
export interface SourceContext {
  /** Tag id by tag path, of the tags that the configuration names. */
  readonly tagIds: ReadonlyMap<string, number>;
  /**
   * Replaces the tags that this source has found beside the configured ones, by browsing; their ids by path.
   * What is found no more is retired. Called only when the set has changed.
   */
  readonly declare: (found: readonly TagDeclaration[]) => Promise<ReadonlyMap<string, number>>;
  /** Newest source time that was accepted of a tag with `history`, by earlier runs of the agent too. */
  readonly acceptedUntil: (tag: number) => TimeUs | undefined;
  readonly secret: ReadSecret;
  readonly clock: Clock;
  /** Folder for what a driver must keep, such as its certificate. It writes nowhere else. */
  readonly dataDir: string;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}
