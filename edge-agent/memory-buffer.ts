/** The Buffer contract without a disk: what models and tests compare the durable one with. */
import { randomBytes } from 'node:crypto';
import { sealFrame } from '../protocols/frame.ts';
import type { ManifestTag } from '../protocols/manifest.ts';
import type { Buffer, NumberedFrame } from './buffer.ts';

export function createMemoryBuffer(): Buffer {
  const epoch = randomBytes(16).toString('hex');
  let frames: NumberedFrame[] = [];
  let next = 1;
  let acked = 0;
  let bytes = 0;
  let revision = 0;
  const tags: ManifestTag[] = [];
  return {
    async append({ first, payload, count, acceptedAt, manifestRevision }) {
      if (first !== next) throw new Error(`a chunk from ${first} cannot follow ${next - 1}`);
      const frame = sealFrame({ epoch, first, count, acceptedAt, manifestRevision }, payload);
      next += count;
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
    async register(declared) {
      const key = ({ id: _, retired: __, ...tag }: ManifestTag) => JSON.stringify(tag);
      const before = JSON.stringify(tags);
      const live = declared.map((tag) => {
        const known = tags.find((other) => key(other) === key({ id: 0, ...tag }));
        if (known) return known;
        const added = { id: tags.length + 1, ...tag };
        tags.push(added);
        return added;
      });
      for (const [i, tag] of tags.entries()) {
        const { retired: _, ...rest } = tag;
        tags[i] = live.includes(tag) ? rest : { ...rest, retired: true };
      }
      if (JSON.stringify(tags) !== before) revision += 1;
      return { revision, tags: [...tags], idByPath: new Map(live.map((tag) => [tag.path, tag.id])) };
    },
    state: () => ({ epoch, next, acked, minRetained: frames[0]?.first ?? next, frames: frames.length, bytes }),
    async [Symbol.asyncDispose]() {},
  };
}
