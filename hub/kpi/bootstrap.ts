/**
 * A 90 % interval of a difference between two sets of days: each set is drawn again from itself, many times, and the
 * middle 90 % of the differences are the interval. Seeded: the same days and seed give the same interval anywhere.
 */
const rounds = 1000;

/** mulberry32: 32 bits of state are plenty for drawing some thousand days. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param before undefined: it is one figure, and is not drawn.
 * @param difference of two draws; null where it has none, such a draw does not count.
 * @returns undefined: fewer than two days in a set, or too few draws that count.
 */
export function bootstrapInterval<Day>(
  before: readonly Day[] | undefined,
  after: readonly Day[],
  seed: number,
  difference: (before: readonly Day[], after: readonly Day[]) => number | null,
): readonly [number, number] | undefined {
  if ((before && before.length < 2) || after.length < 2) return undefined;
  const random = randomNumbers(seed);
  const draw = (days: readonly Day[]) => days.map(() => days[Math.floor(random() * days.length)]!);
  const found: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = difference(before ? draw(before) : [], draw(after));
    if (one !== null) found.push(one);
  }
  if (found.length < 0.9 * rounds) return undefined;
  found.sort((a, b) => a - b);
  return [quantile(found, 0.05), quantile(found, 0.95)];
}

/** Between the two neighbours of its place, in proportion (type 7 of Hyndman and Fan). */
function quantile(sorted: readonly number[], rank: number): number {
  const place = rank * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (place - low) * (sorted[high]! - sorted[low]!);
}
