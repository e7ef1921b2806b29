/**
 * What an agent knows of itself, as the local page, `status`, `doctor` and commissioning read it.
 * `GET /api/status` is an AgentReport, `GET /api/tags` is `{ tags: TagReport[] }`. Times are µs UTC.
 */
import type { TagType, TimeUs } from '../../protocols/sample.ts';
import type { ConfigReport } from '../acquire/reload.ts';
import type { Quarantined } from '../buffer/buffer.ts';
import type { LinkState } from '../forward/conversation.ts';

export interface AgentReport {
  readonly agent: string;
  readonly site: string;
  readonly version: string;
  readonly startedAt: TimeUs;
  readonly now: TimeUs;
  readonly config: ConfigReport;
  readonly link: LinkReport;
  readonly buffer: BufferReport;
  readonly sources: readonly SourceReport[];
  /** The worst first. Empty when all is well. */
  readonly problems: readonly Problem[];
}

export interface LinkReport {
  readonly state: LinkState;
  readonly broker: string;
  readonly stateSince: TimeUs;
  /** Why the last connection ended or could not be made. */
  readonly error?: string | undefined;
  /** Samples accepted and not yet acknowledged by the hub. */
  readonly backlog: number;
  readonly next: number;
  readonly through: number;
  readonly resentFrames: number;
}

export interface BufferReport {
  /** On disk; what the hub has settled and may ask for again is part of it. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** What the hub has not acknowledged, as it takes room on disk. */
  readonly pendingBytes: number;
  /** At the quota: the oldest of the lowest class goes, or nothing new is taken. */
  readonly full: 'evict' | 'stop';
  readonly frames: number;
  /** How long what the hub has settled is kept, and how many of its samples are. */
  readonly replayHours: number;
  readonly replaySamples: number;
  /** Numbers that were given up, or damaged by the disk, since the buffer was made. */
  readonly evicted: number;
  readonly corrupt: number;
  /** When numbers that had been given were found missing, or at the hub and not here. */
  readonly regressedAt?: TimeUs | undefined;
  readonly diskFullSince?: TimeUs | undefined;
  readonly degradedSince?: TimeUs | undefined;
  /** Damaged buffers that were set aside. */
  readonly quarantined: readonly Quarantined[];
  /** Acceptance time of the oldest sample that the hub has not acknowledged. */
  readonly oldestAt?: TimeUs | undefined;
  readonly diskFreeBytes: number;
}

export interface SourceReport {
  readonly id: string;
  readonly kind: 'opcua' | 'modbus';
  /** `opc.tcp://…`, `tcp://host:502`, `rtu:///dev/ttyUSB0?…`. */
  readonly target: string;
  readonly state: 'connecting' | 'up' | 'down';
  readonly stateSince: TimeUs;
  readonly error?: string | undefined;
  readonly retryAt?: TimeUs | undefined;
  /** Tags by their newest measurement; `silent` have had none since the agent started. */
  readonly tags: { readonly good: number; readonly uncertain: number; readonly bad: number; readonly silent: number };
  readonly slots: { readonly good: number; readonly bad: number; readonly skipped: number };
  /** Declared lost by the device or its queues. */
  readonly lost: number;
  /** Samples whose own time was not believed. */
  readonly clockSuspect: number;
  readonly notCommissioned: number;
}

export interface TagReport {
  readonly id: number;
  readonly path: string;
  readonly source: string;
  readonly type: TagType;
  readonly unit: string;
  /** Of a counter: what one count is in the unit; the value is the count itself. */
  readonly scale?: number | undefined;
  /** As of TagDeclaration. */
  readonly address: string;
  /** The newest measurement, reported or not; absent before the first. Integers beyond 2^53 are strings of digits. */
  readonly latest?:
    | {
        readonly time: TimeUs;
        readonly value: number | boolean | string | null;
        readonly quality: number;
        /** `Good`, `BadTimeout`: OPC 10000-4 7.39.2. */
        readonly qualityName: string;
        readonly flags: number;
        /** When the driver handed it over. */
        readonly measuredAt: TimeUs;
        /** Since when it has been Good, Uncertain or Bad without a break. */
        readonly since: TimeUs;
      }
    | undefined;
  /** The sheet that a technician accepted for this very address, type and scale. */
  readonly commissioned?: { readonly at: TimeUs; readonly by: string; readonly sheet: string } | undefined;
}

/** Something that needs a person. Words for each code, with what to do, stand in problems.ts in both languages. */
export interface Problem {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
  /** Source id, tag path or file that it is about; absent for the agent itself. */
  readonly subject?: string | undefined;
  readonly since?: TimeUs | undefined;
  /** What the words are filled with. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** The worst first. */
export const problemCodes = [
  'buffer-damaged',
  'buffer-regressed',
  'disk-fails',
  'disk-full',
  'samples-evicted',
  'buffer-full',
  'disk-nearly-full',
  'buffer-nearly-full',
  'values-lost',
  'source-down',
  'server-not-trusted',
  'quarantined',
  'broker-refuses',
  'broker-away',
  'hub-away',
  'hub-pauses',
  'config-refused',
  'tags-bad',
  'tags-silent',
  'slots-skipped',
  'backlog-grows',
  'clock-suspect',
  'certificate-expires',
  'waiver-expires',
  'config-needs-restart',
  'not-commissioned',
] as const;
export type ProblemCode = (typeof problemCodes)[number];
