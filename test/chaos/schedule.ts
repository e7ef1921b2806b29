/** Which fault happens when: planned from the seed before anything starts. */
import type { LinkFault } from './faulty-link.ts';
import type { Random } from './random.ts';
import type { DiskError } from './syscall-errors.ts';

export type Fault =
  | { readonly kind: 'kill'; readonly process: string; readonly downMs: number }
  | { readonly kind: 'pause'; readonly process: string; readonly forMs: number }
  | { readonly kind: 'partition'; readonly link: string; readonly fault: LinkFault; readonly forMs: number }
  | { readonly kind: 'disk-full'; readonly disk: string; readonly forMs: number }
  | { readonly kind: 'disk-error'; readonly process: string; readonly error: DiskError; readonly forMs: number }
  | { readonly kind: 'few-files'; readonly process: string; readonly forMs: number };

export interface Planned {
  readonly atMs: number;
  readonly fault: Fault;
}

export interface Targets {
  readonly processes: readonly string[];
  /** Agents' links to the broker, and the hub's. */
  readonly brokerLinks: readonly string[];
  /** The hub's link to its store, where that is a network's. */
  readonly storeLinks: readonly string[];
  /** Processes whose data folder is a small disk of its own. */
  readonly smallDisks: readonly string[];
  /** Processes of ours that keep files: the hub and the agents. */
  readonly writers: readonly string[];
}

/** How often each kind is drawn; the two of the store only where it is behind a network. */
const weights = {
  kill: 60,
  pause: 14,
  cut: 4,
  reset: 4,
  'half-open': 4,
  'one-way': 4,
  slow: 3,
  corrupt: 4,
  'store-link': 6,
  'disk-full': 3,
  'fsync-error': 3,
  'read-only': 3,
  'few-files': 3,
} as const;
export type FaultName = keyof typeof weights;
export const faultNames = Object.keys(weights) as FaultName[];

/** Mean time between two faults. In ten minutes: about 185 kills, 45 pauses and 75 partitions. */
const meanPauseMs = 1900;
/** Nothing is harmed before: the first samples shall flow. */
const quietStartMs = 5000;

export function planFaults(random: Random, forMs: number, targets: Targets, names: readonly FaultName[]): Planned[] {
  const possible = names.filter((name) => targetsOf(name, targets).length > 0);
  const deck = possible.flatMap((name) => Array.from({ length: weights[name] }, () => name));
  const planned: Planned[] = [];
  for (let atMs = quietStartMs; atMs < forMs && deck.length > 0; atMs += random.between(0.2, 1.8) * meanPauseMs) {
    const name = random.pick(deck);
    planned.push({ atMs: Math.round(atMs), fault: faultOf(name, random.pick(targetsOf(name, targets)), random) });
  }
  return planned;
}

function targetsOf(name: FaultName, targets: Targets): readonly string[] {
  if (name === 'kill' || name === 'pause') return targets.processes;
  if (name === 'store-link') return targets.storeLinks;
  if (name === 'fsync-error' || name === 'read-only' || name === 'few-files') return targets.writers;
  return name === 'disk-full' ? targets.smallDisks : targets.brokerLinks;
}

function faultOf(name: FaultName, target: string, random: Random): Fault {
  const forMs = random.between(300, 8000);
  const partition = (fault: LinkFault): Fault => ({ kind: 'partition', link: target, fault, forMs });
  switch (name) {
    case 'kill':
      return { kind: 'kill', process: target, downMs: random.between(0, 1500) };
    case 'pause':
      return { kind: 'pause', process: target, forMs };
    case 'disk-full':
      return { kind: 'disk-full', disk: target, forMs };
    case 'fsync-error':
      return { kind: 'disk-error', process: target, error: 'fsync', forMs };
    case 'read-only':
      return { kind: 'disk-error', process: target, error: 'read-only', forMs };
    case 'few-files':
      return { kind: 'few-files', process: target, forMs };
    case 'cut':
    case 'reset':
    case 'half-open':
    case 'corrupt':
      return partition({ kind: name });
    case 'one-way':
      return partition({ kind: 'one-way', lost: random.pick(['near', 'far']) });
    case 'slow':
      return partition({ kind: 'slow', latencyMs: random.between(20, 400), jitterMs: random.between(0, 400) });
    case 'store-link':
      return partition(storeFault(random));
  }
}

/** No changed bytes here: between hub and store there is no checksum but TCP's. */
const storeFault = (random: Random): LinkFault =>
  random.pick<() => LinkFault>([
    () => ({ kind: 'cut' }),
    () => ({ kind: 'reset' }),
    () => ({ kind: 'half-open' }),
    () => ({ kind: 'slow', latencyMs: random.between(500, 5000), jitterMs: 500 }),
    () => ({ kind: 'replies-lost' }),
    () => ({ kind: 'http-status', status: random.pick([503, 429, 500]) }),
  ])();
