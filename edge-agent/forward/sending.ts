/**
 * The stream that is sent, and how far: its window, what of it may be released, and whether the hub means its frames when
 * it names its numbers. Streams go one after the other: what was salvaged of a damaged buffer, and then what is being
 * measured; what has parted from the hub goes on in a new epoch.
 */
import type { Ack } from '../../protocols/messages.ts';
import type { Buffer, OutgoingStream } from '../buffer/buffer.ts';
import { type Agreement, createAgreement, type Finding } from './agreement.ts';
import { type Releaser, startReleaser } from './release.ts';
import { createSendWindow, type SendWindow } from './send-window.ts';

export interface SendingOptions {
  readonly buffer: Pick<Buffer, 'outgoing'>;
  readonly maxBytesInFlight: number;
  /** Of what nobody waits for. */
  onError(error: Error): void;
  readonly log: { warn(fields: object, message: string): void };
}

/** Begins to release what is acknowledged; ends with its disposal. */
export interface Sending extends AsyncDisposable {
  readonly stream: OutgoingStream;
  readonly epoch: string;
  readonly frames: SendWindow;
  /** Numbers whose frames the next hello asks about. */
  readonly questions: readonly number[];
  weigh(welcome: Ack): Promise<Finding>;
  /** From here on, as a welcome says that was agreed with; how many frames are sent again for it. */
  begin(through: number): number;
  /** Everything up to here is settled; how long the answer took, ms, where it settled something. */
  settle(through: number): number | undefined;
  /** The hub has other frames after this number. */
  part(after: number): void;
  /** Goes over to another stream where there is one to be sent before this, or this one has parted. Whether it has. */
  follow(): Promise<boolean>;
}

export function startSending({ buffer, maxBytesInFlight, onError, log }: SendingOptions): Sending {
  let stream: OutgoingStream;
  let epoch: string;
  let frames: SendWindow;
  let agreement: Agreement;
  let releaser: Releaser;
  let partedAfter: number | undefined;

  const adopt = (next: OutgoingStream) => {
    stream = next;
    const state = next.state();
    ({ epoch } = state);
    frames = createSendWindow(state.acked, maxBytesInFlight);
    agreement = createAgreement(next);
    releaser = startReleaser(next, (err) => log.warn({ err }, 'could not release from the buffer; trying again'));
    partedAfter = undefined;
  };
  adopt(buffer.outgoing());

  return {
    get stream() {
      return stream;
    },
    get epoch() {
      return epoch;
    },
    get frames() {
      return frames;
    },
    get questions() {
      return agreement.questions;
    },
    weigh: (welcome) => agreement.weigh(welcome),
    begin(through) {
      // A hub that knows less than before gets again what is still here.
      if (through < frames.through) {
        releaser.rewind(through);
        void stream.rewind(through).catch(onError);
      } else releaser.release(through);
      return frames.restart(through);
    },
    settle(through) {
      const tookMs = frames.settle(through);
      if (through >= frames.through) releaser.release(through);
      return tookMs;
    },
    part(after) {
      partedAfter = after;
    },
    async follow() {
      if (partedAfter !== undefined) await stream.renew(partedAfter);
      else if (buffer.outgoing().state().epoch === epoch) return false;
      await releaser[Symbol.asyncDispose]();
      adopt(buffer.outgoing());
      return true;
    },
    [Symbol.asyncDispose]: () => releaser[Symbol.asyncDispose](),
  };
}
