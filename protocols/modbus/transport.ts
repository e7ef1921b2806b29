/** Bytes to a Modbus device and back, whatever carries them. Each transport puts the guard right before its write. */
import type { FramingKind } from './frame.ts';

export interface Transport {
  readonly framing: FramingKind;
  /** Each chunk of bytes is one whole frame. */
  readonly isDatagrams: boolean;
  /** Aborted as soon as it is closed, by whomever. Its reason is a ConnectionError. */
  readonly closed: AbortSignal;
  /** To be called once: who gets the bytes that come in. */
  listen(onBytes: (bytes: Buffer) => void): void;
  /** @throws when it is not a read request, or when earlier bytes have not left yet. */
  write(adu: Uint8Array): void;
  close(): void;
}
