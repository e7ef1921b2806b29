/**
 * The Ledger contract: what the hub knows of every stream. A stream is one epoch of one agent; its samples are
 * numbered from 1 without a hole, and `through` says up to which number all of them are settled: stored, dead-lettered
 * with a reason, or a declared gap. Everything is durable when a verb returns (SQLite, synchronous=FULL), but for what
 * agents say or show of themselves again: greetings, manifests and quarantines are with the next settled frame, or within
 * 0.1 s, or when the disk takes them.
 */
import type { Fingerprint } from '../../protocols/fingerprint.ts';
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import type { Hello } from '../../protocols/messages.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Spans } from '../plant/spans.ts';

export interface Stream {
  /** The store's key, derived from agent and epoch: the same in every ledger. */
  readonly number: number;
  readonly agent: string;
  readonly epoch: string;
  /** Every number up to here is settled; 0 is none. */
  readonly through: number;
  /** Samples up to this number were settled and have since been deleted, in part at least, by retention; 0 is none. */
  readonly expired: number;
  /** Up to here the ledger of another hub accounts for it, from which the agent was taken over; 0 is none. */
  readonly inherited: number;
  /** Revision of the manifest held; 0 is none. */
  readonly manifestRevision: number;
  /** What the agent last said of itself, and when; null before the first hello. */
  readonly hello: Hello | null;
  readonly helloAt: TimeUs | null;
  /** Times of acceptance of the newest settled frame: lag is now minus this while the agent has more. */
  readonly lastAcceptedAt: TimeUs | null;
  readonly settledAt: TimeUs | null;
  readonly samples: number;
  readonly deadLetters: number;
  /** Closed when the agent greeted with another epoch; a known one that comes back to drain is opened again. */
  readonly closedAt: TimeUs | null;
  /**
   * What is settled beyond this number is of another history than its agent's: it was stored before the agent, which had
   * been put back, gave the same numbers again. null: there is none.
   */
  readonly partedAfter: number | null;
  /** An import that was undone: its samples stay, are proved, and count for nothing. */
  readonly withdrawnAt: TimeUs | null;
}

/** One settled frame: the tiles of expired + 1 … through. */
export interface BatchRow {
  readonly stream: number;
  readonly first: number;
  readonly last: number;
  /** SHA-256 of the frame's canonical content (`encodeContent`), hex. */
  readonly contentHash: string;
  readonly minTime: TimeUs;
  readonly maxTime: TimeUs;
  readonly acceptedAt: TimeUs;
  readonly settledAt: TimeUs;
}

export interface DeadLetter {
  readonly stream: number;
  readonly number: number;
  readonly reason: string;
  readonly tag: number;
  readonly time: TimeUs;
  /** Text of the value, with its JavaScript type: `string:on`. */
  readonly value: string;
  readonly quality: number;
  readonly flags: number;
  readonly settledAt: TimeUs;
}

/** Numbers that will never come, with the reason their agent or the hub gave. */
export interface Gap {
  readonly stream: number;
  readonly first: number;
  /** null: up to an unknown end. */
  readonly last: number | null;
  readonly reason: string;
  readonly at: TimeUs;
  /** When the first and the last of them had been accepted; null where nobody knows. */
  readonly from: TimeUs | null;
  readonly to: TimeUs | null;
  /** A person has seen it; the numbers stay missing. */
  readonly acknowledged: { readonly who: string; readonly at: TimeUs; readonly note: string } | null;
}

/** A stream with what its newest manifest says; empty while there is none. */
export interface DeclaredStream {
  readonly stream: Stream;
  readonly site: string;
  readonly tags: ReadonlyMap<number, ManifestTag>;
  /** When each of them was measured, by id; as of `TagKey`. */
  readonly lives: ReadonlyMap<number, Spans>;
}

/** A place of the store, and what lies there: an id is never given to another declaration. */
export interface TagKey {
  readonly stream: number;
  readonly tag: number;
  readonly declared: Omit<ManifestTag, 'id' | 'path'>;
  /**
   * When it was measured, by what the manifests said at the time: from the first frame after its declaration to the
   * first after it was retired, or to the first of its agent's next epoch. Of what is still measured the end is Infinity.
   */
  readonly lives: Spans;
}

/** A tag under its full path, over all epochs and revisions of its agent. */
export interface KnownTag {
  readonly agent: string;
  /** Site path and tag path: `sahand/machining-plant/machining/line-1/cnc-1/state`. */
  readonly path: string;
  /** As in the newest manifest. */
  readonly current: Omit<ManifestTag, 'path'>;
  /** Every place of the store that holds samples of it, newest last. */
  readonly keys: readonly TagKey[];
}

/** An agent whose samples are not taken until a person has looked: they stay in its buffer. */
export interface Quarantine {
  readonly agent: string;
  readonly reason: string;
  readonly at: TimeUs;
}

export interface SettledFrame {
  readonly batch: Omit<BatchRow, 'settledAt'>;
  /** The manifest that it names; absent where the frame itself is gone. */
  readonly manifestRevision?: number;
  readonly deadLetters: readonly Omit<DeadLetter, 'settledAt'>[];
}

/** Numbers that their agent said will never come (R20). */
export interface SettledGap {
  readonly gap: {
    readonly stream: number;
    readonly first: number;
    readonly last: number;
    readonly reason: string;
    /** When the first and the last of what is gone had been accepted, where the agent still knows. */
    readonly from?: TimeUs;
    readonly to?: TimeUs;
  };
  /** When the agent recorded it. */
  readonly at: TimeUs;
}

export interface NumberRun {
  readonly first: number;
  readonly last: number;
}

/** What was settled has changed since: it is settled anew beyond a number, or dead letters of that time were stored. */
export type Amendment = { readonly sequence: number; readonly stream: number } & (
  | { readonly rewoundTo: number }
  | { readonly from: TimeUs; readonly to: TimeUs }
);

/** The account of a stream, page by page. */
export interface LedgerPages {
  batches(stream: number, after: number, limit: number): readonly BatchRow[];
  /** The settled frame that holds this number, while it is accounted for. */
  batchAt(stream: number, number: number): BatchRow | undefined;
  /** The settled frame or gap that holds this number, as its agent knows it; undefined when it is not accounted for. */
  frameAt(stream: number, number: number): Fingerprint | undefined;
  deadLetters(stream: number, after: number, limit: number): readonly DeadLetter[];
  gaps(stream: number): readonly Gap[];
  gapCount(stream: number): number;
  /** Runs that the ledger of another hub accounts for, to which the agent had moved meanwhile; ascending. */
  elsewhere(stream: number): readonly NumberRun[];
}

/** What can be known of a ledger without being its owner. */
export interface LedgerReader extends LedgerPages {
  /** Random, made with the ledger: a folder of samples belongs to one. */
  readonly id: string;
  /** The newest last. */
  streams(): readonly Stream[];
  stream(agent: string, epoch: string): Stream | undefined;
  /** The same with what their newest manifests say. */
  declared(): readonly DeclaredStream[];
  /** The declared tags of a stream by id, all revisions; for validation. Do not change it. */
  tagsOf(stream: number): ReadonlyMap<number, ManifestTag>;
  tags(): readonly KnownTag[];
  quarantines(): ReadonlyMap<string, Quarantine>;
}

export interface Ledger extends LedgerReader, Disposable {
  /**
   * Finds or opens the stream of a hello, and closes the agent's others: what they still had is a gap of unknown end,
   * unless they are complete. `inherited`: up to there another ledger accounts for it: a new one begins behind it, and
   * one that comes home goes on behind it.
   * @throws {RejectedError} `collision`: the number belongs to another stream.
   */
  greet(agent: string, hello: Hello, now: TimeUs, inherited?: number): Stream;
  /** Keeps a manifest revision. */
  keepManifest(stream: number, manifest: Manifest, now: TimeUs): void;
  /**
   * Advances streams over frames and gaps that follow their `through` without a hole, in one transaction. `isOther`: they
   * are of another history than the agent's, which parts from it here.
   */
  settle(settled: readonly (SettledFrame | SettledGap)[], now: TimeUs, isOther?: boolean): void;
  /** Advances a stream over numbers that will never come: from `through` + 1 to `last`. */
  declareGap(stream: number, last: number, reason: string, now: TimeUs, isOther?: boolean): void;
  /**
   * Retention has deleted samples: up to a number of each stream, or what was measured before a time, where it knows only
   * that. The frames that this may touch, and all before them, are no longer accounted for one by one; their dead letters
   * and gaps go with them. How many numbers that were.
   */
  expire(gone: { readonly before: TimeUs; readonly through: ReadonlyMap<number, number> | null }): number;
  /** Nothing more will come of a stream. */
  close(stream: number, now: TimeUs): void;
  /** Its samples count for nothing from now on; they stay, and are proved. */
  withdraw(stream: number, now: TimeUs): void;
  /**
   * Forgets what was settled beyond a number, so that the agent sends it again; what it keeps no more will be a gap.
   * The new `through`: the end of the last frame or gap at or below `to`, never into what retention deleted.
   * Verdicts are not forgotten: a dead letter is none again only when it is replayed.
   */
  rewind(stream: number, to: number): number;
  /** Dead letters beyond `through` of a stream that went back, from `first` to `last`: they are listed when they come again. */
  verdicts(stream: number, first: number, last: number): readonly DeadLetter[];
  /** Before dead letters are written to the store, for the case that the hub ends before they are resolved. */
  beginReplay(stream: number, numbers: readonly number[]): void;
  unfinishedReplay(): { readonly stream: number; readonly numbers: readonly number[] } | undefined;
  /** Dead letters that are stored after all: no longer listed, in one transaction that ends the replay. */
  resolve(stream: number, numbers: readonly number[]): void;
  /** The last word stays. False when no gap begins there. */
  acknowledgeGap(stream: number, first: number, by: { who: string; note: string }, now: TimeUs): boolean;
  /** The earliest time among the settled frames of a stream that begin after a number; Infinity when there are none. */
  earliestAfter(stream: number, number: number): TimeUs;
  /** What was amended after a sequence, ascending: whoever follows `batches` by number learns of it here alone. */
  amendments(after: number): readonly Amendment[];
  /** The first reason stays. */
  quarantine(agent: string, reason: string, now: TimeUs): void;
  /** False when it was in none. */
  endQuarantine(agent: string): boolean;
}
