/** What is known of streams, kept in memory beside their rows; SQLite stays the truth. */
import type { Manifest, ManifestTag } from '../../protocols/manifest.ts';
import { createKnownTags, type KnownTags, tagsById } from './known-tags.ts';
import type { Stream } from './ledger.ts';
import type { TagLives } from './tag-lives.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface StreamState {
  stream: Mutable<Stream>;
  tags: ReadonlyMap<number, ManifestTag>;
  site: string;
  /** The highest number that was ever a dead letter; above `through` after a rewind. */
  judged: number;
  lives: TagLives;
  /** The highest revision that a settled frame has named. */
  inForce: number;
}

export interface KnownStreams {
  all(): StreamState[];
  has(number: number): boolean;
  /** Of a stream that is known. */
  of(number: number): StreamState;
  find(agent: string, epoch: string): StreamState | undefined;
  keep(stream: Stream, judged: number): StreamState;
  learn(state: StreamState, manifest: Manifest): void;
  forget(stream: Stream): void;
  readonly tags: KnownTags;
}

export function createKnownStreams(): KnownStreams {
  const states = new Map<number, StreamState>();
  const byIdentity = new Map<string, StreamState>();
  const tags = createKnownTags(() => states.values());
  const identity = (agent: string, epoch: string) => `${agent} ${epoch}`;
  return {
    all: () => [...states.values()],
    has: (number) => states.has(number),
    of: (number) => states.get(number)!,
    find: (agent, epoch) => byIdentity.get(identity(agent, epoch)),
    keep(stream, judged) {
      const state = { stream: { ...stream }, tags: new Map(), site: '', judged, lives: new Map(), inForce: 0 };
      states.set(stream.number, state);
      byIdentity.set(identity(stream.agent, stream.epoch), state);
      return state;
    },
    learn(state, manifest) {
      state.site = manifest.site;
      state.tags = tagsById(manifest);
      state.stream.manifestRevision = manifest.revision;
      tags.changed(state.stream.agent);
    },
    forget({ number, agent, epoch }) {
      states.delete(number);
      byIdentity.delete(identity(agent, epoch));
      tags.changed(agent);
    },
    tags,
  };
}
