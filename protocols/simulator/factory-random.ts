/** Seeded random numbers: every unit draws from a stream of its own, so that one unit's luck never shifts another's. */

export interface Random {
  /** Uniform in [from, to). */
  between(from: number, to: number): number;
  /** Uniform among the integers from `from` to `to`, both included. */
  integer(from: number, to: number): number;
  chance(probability: number): boolean;
  /** Waiting time of an event that happens on average once per `mean`. */
  exponential(mean: number): number;
  pick<T>(list: readonly T[]): T;
}

/** The same seed and stream name give the same numbers, on every machine. */
export function createRandom(seed: number, stream: string): Random {
  const next = xoshiro128(`${seed}/${stream}`);
  const between = (from: number, to: number): number => from + (to - from) * next();
  const integer = (from: number, to: number): number => Math.floor(between(from, to + 1));
  return {
    between,
    integer,
    chance: (probability) => next() < probability,
    exponential: (mean) => -mean * Math.log(1 - next()),
    pick: (list) => list[integer(0, list.length - 1)]!,
  };
}

/** xoshiro128** of Blackman and Vigna, its state filled by FNV-1a over the name. Gives [0, 1). */
function xoshiro128(name: string): () => number {
  let hash = 0x811c9dc5;
  const fill = (salt: number): number => {
    for (const code of [...Buffer.from(name), salt]) hash = Math.imul(hash ^ code, 0x01000193);
    return hash | 0;
  };
  let [a, b, c, d] = [fill(1), fill(2), fill(3), fill(4) | 1];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result / 2 ** 32;
  };
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
