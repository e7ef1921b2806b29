/**
 * For what is told by short time-outs of source and server in one process: while it stood still, both were late, and what
 * a test then sees is the machine's doing. The first of a few runs in which it did not, or the last.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const mostRuns = 5;

export async function undisturbed<T>(longestMs: number, run: () => Promise<T>): Promise<T> {
  for (let runs = 1; ; runs++) {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    const found = await run();
    delays.disable();
    if (delays.max / 1e6 < longestMs || runs === mostRuns) return found;
  }
}
