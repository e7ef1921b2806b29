/**
 * Releases acknowledged frames from the buffer, a few times a second: each release is a commit with an fsync, and
 * forgetting one in a crash costs nothing, since the hub acknowledges again.
 */
import type { OutgoingStream } from '../buffer/buffer.ts';

export interface Releaser extends AsyncDisposable {
  /** Everything up to this number may go. */
  release(through: number): void;
  /** What was acknowledged beyond this number is needed again: it may not go, though it was to. */
  rewind(through: number): void;
}

const pauseMs = 200;

export function startReleaser(stream: Pick<OutgoingStream, 'release'>, onError: (error: unknown) => void): Releaser {
  let wanted = 0;
  let done = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const run = async () => {
    clearTimeout(timer);
    timer = undefined;
    const through = wanted;
    if (through <= done) return;
    await stream.release(through).then(() => {
      done = Math.min(through, wanted);
    }, onError);
  };
  const start = () => {
    running ??= run().finally(() => {
      running = undefined;
      if (wanted > done) timer ??= setTimeout(() => void start(), pauseMs);
    });
    return running;
  };

  return {
    release(through) {
      wanted = Math.max(wanted, through);
      if (wanted > done && !running) timer ??= setTimeout(() => void start(), pauseMs);
    },
    rewind(through) {
      wanted = Math.min(wanted, through);
      done = Math.min(done, through);
    },
    async [Symbol.asyncDispose]() {
      await running;
      await run();
      clearTimeout(timer);
    },
  };
}
