/**
 * The agent of the model: its real forwarding over the real file of its buffer, in this process. An image of the file can
 * be taken at any moment and put back later, as a backup or the snapshot of a virtual machine is.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch, Buffer, BufferState } from '../../edge-agent/buffer/buffer.ts';
import { type BufferFile, openBufferFile } from '../../edge-agent/buffer/file.ts';
import { createForwarder } from '../../edge-agent/forward/forward.ts';
import type { Uplink } from '../../edge-agent/forward/uplink.ts';
import { encodePayload, toColumns } from '../../protocols/frame.ts';

/** What was accepted once. Its number may change with the epoch: then it has had both. */
export interface Accepted {
  readonly serial: number;
  readonly places: { epoch: string; number: number }[];
}

const tagIds = [1, 2, 3];
export const shown = (serial: number): number => serial * 3 + 0.5;
const quiet = { info() {}, warn() {}, error() {} };
const site = 'model/site';

export function startModelAgent(folder: string, uplink: (buffer: Buffer) => Uplink, replayMs: number) {
  const dir = join(folder, 'buffer');
  const image = join(folder, 'image');
  let boots = 0;
  let serial = 0;
  let file: BufferFile;
  let revision = 0;
  /** All that the file has, or had and has acknowledged. */
  let accepted: Accepted[] = [];
  let inImage: Accepted[] = [];
  let running: { stop: AbortController; accepted(): void };

  const ofEpoch = (epoch: string): ReturnType<Buffer['outgoing']> => {
    let last = file.streamState();
    const isPresent = () => file.streamState().epoch === epoch;
    return {
      state() {
        last = isPresent() ? file.streamState() : last;
        return last;
      },
      peek: async (after, limit) => (isPresent() ? file.peek(after, limit) : []),
      fingerprints: async (numbers) => (isPresent() ? file.fingerprints(numbers) : []),
      release: async (through) => (isPresent() ? file.release(through) : undefined),
      rewind: async (through) => (isPresent() ? file.rewind(through) : undefined),
      async renew(after) {
        if (!isPresent()) return;
        file.renew(after);
        const renewed = file.streamState().epoch;
        for (const { places } of accepted) {
          const { epoch: old, number } = places.at(-1)!;
          if (old === epoch && number > after) places.push({ epoch: renewed, number: number - after });
        }
      },
    };
  };
  const start = () => {
    file = openBufferFile({ dir, maxBytes: 2 ** 30, replayMs, hasBallast: false });
    const declared = { type: 'float', unit: '', role: 'process', source: 's', intervalMs: 1000 } as const;
    const manifest = file.register(
      tagIds.map((id) => ({ path: `t-${id}`, ...declared })),
      site,
    );
    ({ revision } = manifest);
    let outgoing = ofEpoch(file.streamState().epoch);
    const buffer = {
      ...outgoing,
      state: (): BufferState => ({ ...file.state(), quarantined: [] }),
      outgoing() {
        const { epoch } = file.streamState();
        if (outgoing.state().epoch !== epoch) outgoing = ofEpoch(epoch);
        return outgoing;
      },
    };
    const stop = new AbortController();
    const forwarder = createForwarder({
      buffer,
      uplink: uplink(buffer as unknown as Buffer),
      manifest: { revision, site, tags: manifest.tags },
      bootId: `agent-${++boots}`,
      version: '0',
      log: quiet,
    });
    void forwarder.run(stop.signal);
    running = { stop, accepted: forwarder.accepted };
  };
  const end = () => {
    running.stop.abort();
    file.close();
  };
  const takeImage = () => {
    rmSync(image, { recursive: true, force: true });
    cpSync(dir, image, { recursive: true });
    inImage = accepted.map(({ serial, places }) => ({ serial, places: [...places] }));
  };

  start();
  takeImage();
  return {
    state: () => file.streamState(),
    fingerprints: (numbers: readonly number[]) => file.fingerprints(numbers),
    get accepted(): readonly Accepted[] {
      return accepted;
    },
    accept(samples: number) {
      const { epoch, next } = file.streamState();
      const added = Array.from({ length: samples }, (_, i): Accepted => {
        serial += 1;
        return { serial, places: [{ epoch, number: next + i }] };
      });
      const columns = toColumns(
        added.map((one) => ({
          tag: tagIds[one.serial % 3]!,
          // Time stands still now and then: two samples of one tag at one moment must stay two.
          time: 1_790_000_000_000_000 + Math.floor(one.serial / 9) * 1000,
          value: shown(one.serial),
          quality: 0,
          flags: 0,
        })),
      );
      const chunks = [{ keep: 'normal', count: samples, payload: encodePayload(columns) }] as const;
      const batch: Batch = { after: file.appended, chunks, acceptedAt: Date.now() * 1000, manifestRevision: revision };
      file.append(batch);
      accepted.push(...added);
      running.accepted();
    },
    takeImage,
    crash() {
      end();
      start();
    },
    setBack() {
      end();
      rmSync(dir, { recursive: true });
      cpSync(image, dir, { recursive: true });
      accepted = inImage.map(({ serial, places }) => ({ serial, places: [...places] }));
      start();
    },
    end,
  };
}
