/**
 * The Buffer contract: accepted samples, numbered and durable, until the hub has acknowledged them and for a while after.
 * Numbers start at 1 per epoch and rise by 1 (R1); what is kept are the very frames that are sent. Numbers that are lost
 * are kept too, as gaps in their place (R17, R18). `test/contract/buffer.ts` is the suite that every implementation runs.
 */
import type { Fingerprint } from '../../protocols/fingerprint.ts';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';

/** What goes first when the buffer is full: `bulk`, then `normal`, and `critical` last of all. */
export type Keep = 'critical' | 'normal' | 'bulk';

/** Samples of one class, encoded. */
export interface Chunk {
  readonly keep: Keep;
  readonly count: number;
  readonly payload: Uint8Array;
}

/** What gathered for a moment, on its way to acceptance: all of it is accepted, or nothing. */
export interface Batch {
  /** Samples appended through this object before it. Keeps several appends under way in order, whatever numbers they get. */
  readonly after: number;
  readonly chunks: readonly Chunk[];
  readonly acceptedAt: TimeUs;
  readonly manifestRevision: number;
  /** Newest time in it of each tag whose history is read after an outage; kept in the same transaction. */
  readonly watermarks?: readonly Watermark[] | undefined;
}

export type Watermark = readonly [tag: number, time: TimeUs];

export interface NumberedFrame {
  readonly first: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

export interface StreamState {
  /** 32 hex digits, random (R2). */
  readonly epoch: string;
  /** The number that the next accepted sample will get. */
  readonly next: number;
  /** The highest number that was released. */
  readonly acked: number;
  /** The lowest number still kept; `next` when there is none. */
  readonly minRetained: number;
}

/** The numbers of one epoch, on their way to the hub. Of an epoch that is over, nothing is given and nothing changes. */
export interface OutgoingStream {
  state(): StreamState;
  /** Of a salvaged stream, its own. undefined: the one that the agent announces. */
  readonly manifest?: Manifest | undefined;
  /** The frames that follow number `after`, oldest first, at most so many and about so many bytes (one at least). */
  peek(after: number, limit: { frames: number; bytes: number }): Promise<readonly NumberedFrame[]>;
  /** Of the frames and gaps that hold these numbers and are still kept, in order, each once. */
  fingerprints(numbers: readonly number[]): Promise<readonly Fingerprint[]>;
  /** The hub has settled everything ≤ `through` (R8). Lower numbers than before, and ones never given, change nothing. */
  release(through: number): Promise<void>;
  /** The hub knows only what is ≤ `through` any more (R22): what comes after is as if never acknowledged. */
  rewind(through: number): Promise<void>;
  /**
   * The hub has other frames than this stream after number `after` (R6): what comes after it here gets numbers from 1 in
   * a new epoch; up to it everything is settled.
   */
  renew(after: number): Promise<void>;
}

export interface BufferState extends StreamState {
  /** Rows kept: frames and gaps, settled ones that may be asked for again included. */
  readonly frames: number;
  /** Bytes on disk, a few frames late. */
  readonly bytes: number;
  /** Bytes of frames that the hub has not acknowledged. */
  readonly pendingBytes: number;
  /** Numbers lost in this file, by reason. */
  readonly evicted: number;
  readonly corrupt: number;
  /** Since when the disk itself takes no more, µs; undefined while it does. */
  readonly diskFullSince?: TimeUs | undefined;
  /** When numbers that had been given were found missing, or known to the hub and not here (R6). */
  readonly regressedAt?: TimeUs | undefined;
  /** Since when the disk fails again and again. */
  readonly degradedSince?: TimeUs | undefined;
  /** Damaged files that were set aside. */
  readonly quarantined: readonly Quarantined[];
}

export interface Quarantined {
  readonly at: TimeUs;
  readonly folder: string;
  readonly reason: string;
  /** `salvaging`: what can be read is being read; `sending`: it goes to the hub; `done`; `failed`: nothing could be read. */
  readonly state: 'salvaging' | 'sending' | 'done' | 'failed';
}

/** As a stream it is always the one of the present epoch. */
export interface Buffer extends Omit<OutgoingStream, 'manifest'>, AsyncDisposable {
  /**
   * Numbers and keeps a batch; durable when it resolves, and only then are its samples accepted.
   * Several may be under way. @throws when disk or quota are full or failing (`isDiskTrouble`), or when an append before
   * it failed: nothing was accepted, the same batch may be tried again.
   */
  append(batch: Batch): Promise<void>;
  /** What is to be sent first: a salvaged stream as long as there is one, and then the one of the present epoch. */
  outgoing(): OutgoingStream;
  /**
   * Gives every declared tag its id, for ever the same one, and the manifest that describes all tags of this epoch,
   * retired ones included. The revision rises when anything in it, or the site, has changed. Works on a full buffer too.
   * @throws {ConfigError} when the manifest would be too large to be sent: nothing is registered then.
   */
  register(tags: readonly Omit<ManifestTag, 'id'>[], site: string): Promise<RegisteredTags>;
  /** Newest time of a tag among the watermarks of accepted batches, by earlier runs too. */
  acceptedUntil(tag: number): TimeUs | undefined;
  /** As of the last call that changed it. */
  state(): BufferState;
}

export interface RegisteredTags {
  readonly revision: number;
  readonly site: string;
  readonly tags: readonly ManifestTag[];
  /** Ids of the tags declared now. */
  readonly idByPath: ReadonlyMap<string, number>;
}

/** The disk, or somebody's share of it, has no room; nothing is broken. */
export const isDiskFull = (error: unknown): boolean =>
  /^(SQLITE_FULL|ENOSPC|EDQUOT)/.test((error as { code?: string }).code ?? '');

/** What a machine does that may pass: a disk that is full, failing or read-only, no more files, a file held by somebody. */
export const isDiskTrouble = (error: unknown): boolean =>
  /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|BUSY)|ENOSPC|EDQUOT|EIO|EROFS|EMFILE|ENFILE)/.test(
    (error as { code?: string }).code ?? '',
  );
