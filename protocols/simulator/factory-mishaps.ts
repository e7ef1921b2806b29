/** What comes in a machine's way. Only operating time brings a mishap nearer: a machine that stands cannot break. */
import type { Random } from './factory-random.ts';
import { secondsUs } from './factory-timeline.ts';

export interface Mishap {
  /** Mean operating time between two of them. */
  readonly everyS: number;
  /** How long one lasts, from and to. */
  readonly lastsS: readonly [number, number];
  /** Operating time until the first one, from and to; drawn like the others where absent. */
  readonly firstS?: readonly [number, number];
}

export interface Mishaps<Kind extends string> {
  /** The one that comes next, and after how much more operating time. */
  next(): { readonly kind: Kind; readonly inUs: number };
  /** So much operating time has passed. */
  ran(us: number): void;
  /** Takes the mishap as happened; returns how long it lasts, in seconds. */
  happen(kind: Kind): number;
}

export function createMishaps<Kind extends string>(
  kinds: Readonly<Record<Kind, Mishap>>,
  random: Random,
): Mishaps<Kind> {
  const names = Object.keys(kinds) as Kind[];
  const leftUs = new Map<Kind, number>();
  const draw = (kind: Kind): number => secondsUs(Math.max(5, random.exponential(kinds[kind].everyS)));
  for (const kind of names) {
    const { firstS } = kinds[kind];
    leftUs.set(kind, firstS ? secondsUs(random.between(...firstS)) : draw(kind));
  }
  return {
    next() {
      const kind = names.reduce((soonest, name) => (leftUs.get(name)! < leftUs.get(soonest)! ? name : soonest));
      return { kind, inUs: leftUs.get(kind)! };
    },
    ran(us) {
      for (const kind of names) leftUs.set(kind, leftUs.get(kind)! - us);
    },
    happen(kind) {
      leftUs.set(kind, draw(kind));
      return random.between(...kinds[kind].lastsS);
    },
  };
}
