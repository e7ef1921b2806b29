/**
 * The hub of the model: its real link, ingest and ledger (SQLite, on a file that outlives it), over a store that keeps
 * samples as one of the two does. It can die before or after any of its steps; whatever it would have done then, it has
 * not.
 */
import { createArrivals } from '../../hub/ingest/arrivals.ts';
import { createGreeter } from '../../hub/ingest/greet.ts';
import { createIdentities } from '../../hub/ingest/identity.ts';
import { createIngest, type Ingest } from '../../hub/ingest/ingest.ts';
import { createLink, type Link } from '../../hub/ingest/link.ts';
import { createOwnership } from '../../hub/ingest/ownership.ts';
import { createSurplus } from '../../hub/ingest/surplus.ts';
import { createWindows } from '../../hub/ingest/windows.ts';
import type { Ledger } from '../../hub/ledger/ledger.ts';
import { openSqliteLedger } from '../../hub/ledger/sqlite-ledger.ts';
import { agreeWithStore } from '../../hub/proof/agree.ts';
import type { StoreBatch, TelemetryReader, TelemetryStore, TelemetryWriter } from '../../hub/store/store.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { toColumns } from '../../protocols/frame.ts';
import type { SampleValue } from '../../protocols/sample.ts';
import { agentTopic } from '../../protocols/topics.ts';
import type { Leaf } from './model-channel.ts';

export const crashPoints = [
  'now',
  'before store',
  'after store',
  'before ledger',
  'after ledger',
  'before reply',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

export interface Point {
  readonly number: number;
  readonly tag: number;
  readonly time: number;
  readonly value: SampleValue;
}

/** `influx`: the same place again is overwritten. `duckdb`: numbers up to the highest that is there are passed over. */
export type StoreKind = TelemetryStore['kind'];

/** By stream, then by place (tag, time and the number's last digits). */
export type ModelStore = Map<number, Map<string, Point>>;

export interface ModelHub {
  readonly alive: boolean;
  readonly ledger: Ledger;
  receive(leaf: Leaf, payload: Uint8Array): void;
  /** Dies when it next comes to this point. */
  crashAt(point: CrashPoint): void;
  /** The next write of the store fails: nothing is written, or a part. */
  failStore(how: 'nothing' | 'a part'): void;
}

export interface ModelHubOptions {
  readonly ledgerFile: string;
  readonly store: ModelStore;
  readonly kind: StoreKind;
  readonly agent: string;
  readonly boot: string;
  readonly window: number;
  acknowledge(payload: Uint8Array): void;
  /** Ledger and store agree: agents may come. */
  onReady(): void;
  onDeath(): void;
  /** A planted bug: the ledger is written first, the store some time later. */
  readonly storesLate?: boolean | undefined;
}

const numberOf = ({ number }: Point): number => number;
const highestOf = (points: ReadonlyMap<string, Point>): number => Math.max(0, ...[...points.values()].map(numberOf));

class Crash extends Error {}
const quiet = { info() {}, warn() {}, error() {} };

export function startModelHub(options: ModelHubOptions): ModelHub {
  const { ledgerFile, store, kind, agent, boot, window, acknowledge, onReady, onDeath, storesLate = false } = options;
  const end = new AbortController();
  const file = openSqliteLedger(ledgerFile);
  let alive = true;
  let crash: CrashPoint | undefined;
  let storeFault: 'nothing' | 'a part' | undefined;

  const die = () => {
    if (!alive) return;
    alive = false;
    end.abort();
    file[Symbol.dispose]();
    onDeath();
  };
  /** Nothing happens after death, and it happens here when it is to be. */
  const reach = (point: CrashPoint) => {
    if (alive && crash === point) die();
    if (!alive) throw new Crash();
  };

  const put = (batches: readonly StoreBatch[], isFilling = false) => {
    for (const { stream, numbers, samples } of batches) {
      const points = store.get(stream) ?? new Map<string, Point>();
      store.set(stream, points);
      const mark = highestOf(points);
      const there = new Set([...points.values()].map(numberOf));
      const isPassedOver = (number: number) => kind === 'duckdb' && (isFilling ? there.has(number) : number <= mark);
      for (const [i, number] of numbers.entries()) {
        if (isPassedOver(number)) continue;
        const place = `${samples.tags[i]} ${samples.times[i]} ${number % 1000}`;
        points.set(place, { number, tag: samples.tags[i]!, time: samples.times[i]!, value: samples.values[i]! });
      }
    }
  };
  const writeAll = async (batches: readonly StoreBatch[], isFilling: boolean) => {
    reach('before store');
    if (storeFault) {
      if (storeFault === 'a part' && kind === 'influx') put(batches.slice(0, 1));
      storeFault = undefined;
      throw new ConnectionError('the store is away');
    }
    if (storesLate) setTimeout(() => alive && put(batches, isFilling), 300);
    else put(batches, isFilling);
    reach('after store');
    return [];
  };
  const writer: TelemetryWriter = {
    write: (batches) => writeAll(batches, false),
    fill: (batch) => writeAll([batch], true),
  };
  const account = async () => ({
    highest: new Map([...store].map(([stream, points]) => [stream, highestOf(points)])),
    lost: [],
    gone: new Map(),
  });
  const reader: Pick<TelemetryReader, 'samplesByNumber' | 'countNumbers'> = {
    async countNumbers(stream, first, last) {
      const numbers = [...(store.get(stream)?.values() ?? [])].map(numberOf).filter((n) => n >= first && n <= last);
      const [min, max] = numbers.length > 0 ? [Math.min(...numbers), Math.max(...numbers)] : [null, null];
      return { points: numbers.length, distinct: new Set(numbers).size, min, max };
    },
    async samplesByNumber({ stream, first, last }) {
      const found = [...(store.get(stream)?.values() ?? [])]
        .filter(({ number }) => number >= first && number <= last)
        .sort((a, b) => a.number - b.number);
      const samples = toColumns(found.map(({ tag, time, value }) => ({ tag, time, value, quality: 0, flags: 0 })));
      return { numbers: found.map(numberOf), samples };
    },
  };
  const ledger = new Proxy(file, {
    get(target, name: keyof Ledger) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const settles = name === 'settle' || name === 'declareGap';
        if (settles) reach('before ledger');
        if (!alive) throw new Crash();
        const result = (value as (...args: unknown[]) => unknown).apply(target, args);
        if (settles) reach('after ledger');
        return result;
      };
    },
  });
  const now = () => Date.now() * 1000;
  const arrivals = createArrivals(1024 * 1024);
  const identities = createIdentities({ ledger, now, log: quiet });
  const ownership = createOwnership({ hub: 'ingest', partitions: { of: 1, own: [0] }, generation: 0, log: quiet });
  const windows = createWindows({
    most: window,
    maxBytes: 1024 * 1024,
    heldBytes: () => arrivals.bytes,
    isBlocked: () => ingest.blocked !== undefined,
    now: () => Date.now(),
  });
  const surplus = createSurplus({ ledger, store: { kind, account, reader }, now });
  const link: Link = createLink({
    ledger,
    arrivals,
    ownership,
    windows,
    hubBoot: boot,
    now,
    publish(_topic, payload) {
      reach('before reply');
      acknowledge(payload);
    },
    onHello: (greeted, hello) => greet(greeted, hello),
    onLive() {},
    onLetGo() {},
    log: quiet,
  });
  const greet = createGreeter({
    ledger,
    identities,
    store: { account, reader },
    settledElsewhere: () => 0,
    frameAt: file.frameAt,
    follow() {},
    owns: ownership.owns,
    reply: link.reply,
    fault: link.fault,
    now,
    signal: end.signal,
    log: quiet,
  });
  const ingest: Ingest = createIngest({
    arrivals,
    identities,
    ownership,
    ledger,
    writer,
    surplus,
    now,
    reply: link.reply,
    onSettled() {},
    onRoom: link.resume,
    log: quiet,
  });
  const survives = (error: unknown) => {
    if (!(error instanceof Crash) && alive) throw error;
  };
  let ready = false;
  const begin = async () => {
    const audit = { append: () => ({ number: 0, hash: '' }) };
    await agreeWithStore({ ledger, store: { account, reader } as never, audit, log: quiet }, end.signal);
    if (!alive) return;
    ready = true;
    onReady();
    await ingest.run(end.signal);
  };
  void begin().catch(survives);

  return {
    get alive() {
      return alive;
    },
    ledger: file,
    receive(leaf, payload) {
      if (!alive || !ready) return;
      try {
        void link.handle(agentTopic(agent, leaf), payload);
      } catch (error) {
        survives(error);
      }
    },
    crashAt(point) {
      crash = point;
      if (point === 'now') die();
    },
    failStore(how) {
      storeFault = how;
    },
  };
}
