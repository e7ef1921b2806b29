/** The Buffer contract without a disk: what models and tests compare the durable one with. Nothing is kept once it is settled. */
import type { Buffer, NumberedFrame } from '../../edge-agent/buffer/buffer.ts';
import { refuseLargeManifest } from '../../edge-agent/buffer/manifest-limit.ts';
import { epochFrom, newEpoch } from '../../edge-agent/buffer/meta.ts';
import { fingerprintOf } from '../../protocols/fingerprint.ts';
import { openFrame, sealFrame } from '../../protocols/frame.ts';
import type { ManifestTag } from '../../protocols/manifest.ts';
import type { TimeUs } from '../../protocols/sample.ts';

export function createMemoryBuffer(): Buffer {
  let epoch = newEpoch();
  let frames: NumberedFrame[] = [];
  let appended = 0;
  let next = 1;
  let acked = 0;
  let regressedAt: TimeUs | undefined;
  let revision = 0;
  let site: string | undefined;
  let tags: ManifestTag[] = [];
  const newest = new Map<number, TimeUs>();
  const buffer: Buffer = {
    async append({ after, chunks, acceptedAt, manifestRevision, watermarks = [] }) {
      if (after !== appended) throw new Error(`a batch after ${after} cannot follow ${appended}`);
      for (const { count, payload } of chunks) {
        const bytes = sealFrame({ epoch, first: next, count, acceptedAt, manifestRevision }, payload);
        frames.push({ first: next, last: next + count - 1, bytes });
        next += count;
        appended += count;
      }
      for (const [tag, time] of watermarks) newest.set(tag, Math.max(time, newest.get(tag) ?? 0));
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
    async fingerprints(numbers) {
      const held = frames.filter(({ first, last }) => numbers.some((number) => number >= first && number <= last));
      return held.map(({ bytes }) => fingerprintOf(bytes));
    },
    async release(through) {
      if (through <= acked || through >= next) return;
      acked = through;
      frames = frames.filter((frame) => frame.last > through);
    },
    async rewind(through) {
      acked = Math.min(acked, Math.max(through, (frames[0]?.first ?? next) - 1));
    },
    async renew(after) {
      const kept = frames.filter(({ first }) => first > after);
      epoch = kept[0] ? epochFrom(epoch, fingerprintOf(kept[0].bytes)) : newEpoch();
      const offset = (kept[0]?.first ?? next) - 1;
      frames = kept.map(({ first, last, bytes }) => {
        const { header, payload } = openFrame(bytes);
        const sealed = sealFrame({ ...header, epoch, first: first - offset }, payload, header.codec);
        return { first: first - offset, last: last - offset, bytes: sealed };
      });
      next -= offset;
      acked = 0;
      regressedAt = Date.now() * 1000;
    },
    outgoing: () => {
      const { epoch: its } = buffer.state();
      const ifPresent = async <T>(work: () => Promise<T>, otherwise: T) => (epoch === its ? await work() : otherwise);
      let last = buffer.state();
      return {
        state() {
          last = epoch === its ? buffer.state() : last;
          return last;
        },
        peek: (after, limit) => ifPresent(() => buffer.peek(after, limit), []),
        fingerprints: (numbers) => ifPresent(() => buffer.fingerprints(numbers), []),
        release: (through) => ifPresent(() => buffer.release(through), undefined),
        rewind: (through) => ifPresent(() => buffer.rewind(through), undefined),
        renew: (after) => ifPresent(() => buffer.renew(after), undefined),
      };
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
    state: () => {
      const bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      const minRetained = frames[0]?.first ?? next;
      const lost = { evicted: 0, corrupt: 0, regressedAt, quarantined: [] };
      return { epoch, next, acked, minRetained, frames: frames.length, bytes, pendingBytes: bytes, ...lost };
    },
    async [Symbol.asyncDispose]() {},
  };
  return buffer;
}
