/** The Buffer contract without a disk: what models and tests compare the durable one with. */
import { randomBytes } from 'node:crypto';
import { sealFrame } from '../protocols/frame.ts';
import type { ManifestTag } from '../protocols/manifest.ts';
import type { TimeUs } from '../protocols/sample.ts';
import type { Buffer, NumberedFrame } from './buffer.ts';
import { refuseLargeManifest } from './manifest-limit.ts';

export function createMemoryBuffer(): Buffer {
  const epoch = randomBytes(16).toString('hex');
  let frames: NumberedFrame[] = [];
  let next = 1;
  let acked = 0;
  let bytes = 0;
  let revision = 0;
  let site: string | undefined;
  let tags: ManifestTag[] = [];
  const newest = new Map<number, TimeUs>();
  return {
    async append({ first, payload, count, acceptedAt, manifestRevision, watermarks = [] }) {
      if (first !== next) throw new Error(`a chunk from ${first} cannot follow ${next - 1}`);
      const frame = sealFrame({ epoch, first, count, acceptedAt, manifestRevision }, payload);
      next += count;
      for (const [tag, time] of watermarks) newest.set(tag, Math.max(time, newest.get(tag) ?? 0));
      bytes += frame.length;
      frames.push({ first, last: next - 1, bytes: frame });
    },
    async peek(after, limit) {
      const found: NumberedFrame[] = [];
      let size = 0;
      for (const frame of frames) {
        if (frame.last <= after) continue;
        size += frame.bytes.length;
        if (found.length > 0 && (found.length >= limit.frames || size > limit.bytes)) break;
        found.push(frame);
      }
      return found;
    },
    async release(through) {
      if (through <= acked || through >= next) return;
      acked = through;
      frames = frames.filter((frame) => frame.last > through);
      bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
    },
    async register(declared, newSite) {
      const keyOf = ({ id: _, retired: __, ...tag }: ManifestTag) => JSON.stringify(tag);
      const known = new Map(tags.map((tag) => [keyOf(tag), tag.id]));
      const live = new Set<number>();
      const added: ManifestTag[] = [];
      const ids = declared.map((tag) => {
        const key = keyOf({ id: 0, ...tag });
        const id = known.get(key) ?? tags.length + added.length + 1;
        if (!known.has(key)) added.push({ id, ...tag });
        known.set(key, id);
        live.add(id);
        return [tag.path, id] as const;
      });
      const now = [...tags, ...added].map((tag): ManifestTag => {
        const { retired: _, ...rest } = tag;
        return live.has(tag.id) ? rest : { ...rest, retired: true };
      });
      if (site !== newSite || JSON.stringify(now) !== JSON.stringify(tags)) {
        refuseLargeManifest(newSite, now);
        revision += 1;
      }
      tags = now;
      site = newSite;
      return { revision, site, tags: [...tags], idByPath: new Map(ids) };
    },
    acceptedUntil: (tag) => newest.get(tag),
    state: () => ({ epoch, next, acked, minRetained: frames[0]?.first ?? next, frames: frames.length, bytes }),
    async [Symbol.asyncDispose]() {},
  };
}
