/**
 * The Buffer contract: accepted samples, numbered and durable, until the hub has acknowledged them.
 * Numbers start at 1 per epoch and rise by 1 (R1); a chunk is kept as the very frame that is sent.
 * `test/contract/buffer.ts` is the suite that every implementation runs.
 */
import type { ManifestTag } from '../protocols/manifest.ts';
import type { TimeUs } from '../protocols/sample.ts';

/** A frame's payload on its way to acceptance. */
export interface Chunk {
  /** The number that its first sample must get; keeps several appends under way in order when one fails. */
  readonly first: number;
  readonly payload: Uint8Array;
  readonly count: number;
  readonly acceptedAt: TimeUs;
  readonly manifestRevision: number;
  /** Newest time in it of each tag whose history is read after an outage; kept in the chunk's own transaction. */
  readonly watermarks?: readonly Watermark[] | undefined;
}

export type Watermark = readonly [tag: number, time: TimeUs];

export interface NumberedFrame {
  readonly first: number;
  readonly last: number;
  readonly bytes: Uint8Array;
}

export interface BufferState {
  /** 32 hex digits, random when the buffer was created (R2). */
  readonly epoch: string;
  /** The number that the next accepted sample will get. */
  readonly next: number;
  /** The highest number that was released. */
  readonly acked: number;
  /** The lowest number still kept; `next` when there is none. */
  readonly minRetained: number;
  /** Frames kept. */
  readonly frames: number;
  /** Bytes on disk, a few frames late. */
  readonly bytes: number;
}

export interface Buffer extends AsyncDisposable {
  /**
   * Numbers and keeps a chunk; durable when it resolves, and only then are its samples accepted.
   * Several may be under way. @throws when the disk is full or failing, or when `first` is not the next number because
   * an append before it failed: nothing was accepted, the same chunk may be tried again.
   */
  append(chunk: Chunk): Promise<void>;
  /** The frames that follow number `after`, oldest first, at most so many and about so many bytes (one at least). */
  peek(after: number, limit: { frames: number; bytes: number }): Promise<readonly NumberedFrame[]>;
  /** Lets go of every frame whose numbers are all ≤ `through` (R8). Lower numbers than before change nothing. */
  release(through: number): Promise<void>;
  /**
   * Gives every declared tag its id, for ever the same one, and the manifest that describes all tags of this epoch,
   * retired ones included. The revision rises when anything in it, or the site, has changed. Works on a full buffer too.
   * @throws {ConfigError} when the manifest would be too large to be sent: nothing is registered then.
   */
  register(tags: readonly Omit<ManifestTag, 'id'>[], site: string): Promise<RegisteredTags>;
  /** Newest time of a tag among the watermarks of accepted chunks, by earlier runs too. */
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
