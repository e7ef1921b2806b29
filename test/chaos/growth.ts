/** Whether a process grows: resident memory and open files, looked at now and then while it lives (F40). */

export interface Growth {
  /** Slope of a line through the second half of what was seen; the first half is the start. */
  readonly mbPerHour: number;
  /** Between the middle and the end. */
  readonly files: number;
  /** How long the second half was. */
  readonly minutes: number;
}

export interface Look {
  readonly atMs: number;
  readonly mb: number;
  readonly files: number;
}

/** Of the second half; a slope of seconds tells nothing of an hour. */
const minLooks = 60;

/** undefined when there is too little to tell. */
export function growthOf(looks: readonly Look[]): Growth | undefined {
  const half = looks.slice(Math.floor(looks.length / 2));
  if (half.length < minLooks) return undefined;
  const mean = (of: (look: Look) => number) => half.reduce((sum, look) => sum + of(look), 0) / half.length;
  const meanAt = mean(({ atMs }) => atMs);
  const meanMb = mean(({ mb }) => mb);
  const covariance = mean(({ atMs, mb }) => (atMs - meanAt) * (mb - meanMb));
  const variance = mean(({ atMs }) => (atMs - meanAt) ** 2);
  // Memory breathes and files come and go: the quarters' medians, not two single looks.
  const median = (some: readonly Look[]) => some.map(({ files }) => files).sort((a, b) => a - b)[some.length >> 1]!;
  const quarter = half.length >> 1;
  return {
    mbPerHour: Math.round((covariance / variance) * 3_600_000 * 10) / 10,
    files: median(half.slice(quarter)) - median(half.slice(0, quarter)),
    minutes: Math.round((half.at(-1)!.atMs - half[0]!.atMs) / 6000) / 10,
  };
}
