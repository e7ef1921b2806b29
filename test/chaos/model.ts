/**
 * The protocol as a whole, in one process and in virtual time: the agent's real forwarding, the hub's real ingest and
 * ledger, and between them a channel that loses, doubles and reorders. After every step the invariants that must always
 * hold are looked at, and after the last, when everything is healed, those that must hold in the end.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Uplink } from '../../edge-agent/forward/uplink.ts';
import { openFrame } from '../../protocols/frame.ts';
import { ackSchema, encodeMessage, parseMessage } from '../../protocols/messages.ts';
import { shown, startModelAgent } from './model-agent.ts';
import { createChannel } from './model-channel.ts';
import {
  type CrashPoint,
  crashPoints,
  type ModelHub,
  type ModelStore,
  type StoreKind,
  startModelHub,
} from './model-hub.ts';
import { createRandom, type Random } from './random.ts';
import { startVirtualTime } from './virtual-time.ts';

export type Step =
  | { readonly do: 'accept'; readonly frames: number; readonly samples: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'spoil'; readonly how: 'lose' | 'double' | 'hold'; readonly messages: number }
  | { readonly do: 'let go' }
  | { readonly do: 'cut'; readonly down: boolean }
  | { readonly do: 'crash agent' }
  | { readonly do: 'crash hub'; readonly at: CrashPoint }
  | { readonly do: 'store fails'; readonly how: 'nothing' | 'a part' }
  /** The store is put back to a copy that has the first so many percent of its numbers. */
  | { readonly do: 'store restored'; readonly percent: number }
  /** The ledger alone is put back to the hub's image. */
  | { readonly do: 'ledger restored' }
  /** Of the agent's buffer, or of ledger and store together. The first is taken in the beginning. */
  | { readonly do: 'image' | 'set back'; readonly of: 'agent' | 'hub' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('accept' as const),
      frames: fc.integer({ min: 1, max: 6 }),
      samples: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 100, 600, 3000, 12_000) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('spoil' as const),
      how: fc.constantFrom('lose' as const, 'double' as const, 'hold' as const),
      messages: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'let go' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), down: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ do: 'crash agent' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('crash hub' as const), at: fc.constantFrom(...crashPoints) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('store restored' as const), percent: fc.integer({ min: 0, max: 100 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'ledger restored' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('image' as const, 'set back' as const),
      of: fc.constantFrom('agent' as const, 'hub' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('store fails' as const),
      how: fc.constantFrom('nothing' as const, 'a part' as const),
    }),
  },
);

/** Rare enough by chance: an image is put back, started more than once, and takes samples without having met the hub. */
const setBack: fc.Arbitrary<Step[]> = fc
  .array(fc.integer({ min: 0, max: 6 }), { minLength: 2, maxLength: 4 })
  .map((starts): Step[] => [
    { do: 'image', of: 'agent' },
    { do: 'wait', ms: 600 },
    { do: 'accept', frames: 3, samples: 2 },
    { do: 'wait', ms: 600 },
    { do: 'cut', down: true },
    { do: 'set back', of: 'agent' },
    ...starts.flatMap((frames): Step[] => [
      { do: 'crash agent' },
      ...(frames > 0 ? [{ do: 'accept', frames, samples: 2 } as const] : []),
    ]),
    { do: 'cut', down: false },
  ]);

/** Rarer still: meanwhile the hub has died with more in its store than in its ledger. */
const bothSetBack: fc.Arbitrary<Step[]> = fc
  .record({
    before: fc.integer({ min: 0, max: 3 }),
    at: fc.constantFrom('after store' as const, 'before ledger' as const),
    since: fc.integer({ min: 1, max: 4 }),
    after: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ before, at, since, after }): Step[] => [
    { do: 'wait', ms: 12_000 },
    { do: 'image', of: 'agent' },
    ...(before > 0 ? [{ do: 'accept', frames: before, samples: 3 } as const] : []),
    { do: 'crash hub', at },
    { do: 'accept', frames: since, samples: 2 },
    { do: 'wait', ms: 600 },
    { do: 'set back', of: 'agent' },
    { do: 'accept', frames: after, samples: 2 },
    { do: 'wait', ms: 3000 },
  ]);

export const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      { weight: 24, arbitrary: step.map((one) => [one]) },
      { weight: 2, arbitrary: setBack },
      { weight: 1, arbitrary: bothSetBack },
    ),
    { minLength: 5, maxLength: 40 },
  )
  .map((parts) => parts.flat());

/** Bugs that the model can plant in itself, to show that it would notice. */
export const bugs = [
  'releases what was sent',
  'acknowledges before it stores',
  'writes the ledger first',
  'takes equal numbers for equal frames',
] as const;
export type Bug = (typeof bugs)[number];

/** The ledger's fsyncs shall not cost what they cost on a disk. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const name = 'a';
const dayMs = 86_400_000;
/** After healing, by when everything must be settled, virtual time. */
const drainMs = 300_000;

/** Runs one schedule. Resolves with what is broken first; undefined when nothing is. */
export async function play(
  schedule: readonly Step[],
  { seed = 1, bug }: { seed?: number; bug?: Bug | undefined } = {},
): Promise<string | undefined> {
  const random = createRandom(seed);
  using time = startVirtualTime(random);
  const dir = mkdtempSync(join(memoryDisk, 'payesh-model-'));
  const world = await createWorld(dir, random, bug);
  try {
    await time.settle();
    for (const step of schedule) {
      await world.take(step);
      if (step.do === 'wait') await time.pass(step.ms);
      await time.settle();
      const broken = world.always();
      if (broken) return broken;
    }
    world.heal();
    for (let waited = 0; !world.drained() && waited < drainMs; waited += 500) {
      await time.pass(500);
      world.decide();
    }
    return world.always() ?? world.inTheEnd();
  } finally {
    world.end();
    await time.pass(100);
    rmSync(dir, { recursive: true });
  }
}

async function createWorld(dir: string, random: Random, bug: Bug | undefined) {
  const kind: StoreKind = random.pick(['duckdb', 'influx']);
  const store: ModelStore = new Map();
  const ledgerFile = join(dir, 'hub', 'ledger.db');
  mkdirSync(join(dir, 'hub'));
  let boots = 0;
  let storeInImage: ModelStore = new Map();
  let highest = { epoch: '', next: 0 };
  /** Until everything is drained again the hub may know less than the agent has released. */
  let wentBack = false;
  /** Store or ledger alone has gone back, so that the ledger was made from the store. */
  let restored = false;
  /** What an agent had sent before it was put back may come after what it has sent since, and be taken for what holds. */
  let late = false;

  const channel = createChannel({
    random,
    toHub(leaf, payload) {
      if (bug === 'acknowledges before it stores' && leaf === 'up/data' && hub.alive) {
        const { epoch } = openFrame(payload).header;
        const ack = { epoch, kind: 'ack', through: lastOf(payload), window: 4, hubBoot: `hub-${boots}` } as const;
        channel.acknowledge(encodeMessage(ack));
      }
      hub.receive(leaf, payload);
    },
  });
  const startHub = (): ModelHub => {
    const boot = `hub-${++boots}`;
    const state = { online: true, hubBoot: boot, spreadMs: 200 };
    return startModelHub({
      ledgerFile,
      store,
      kind,
      agent: name,
      boot,
      window: 4,
      acknowledge: (payload) => channel.acknowledge(spoilt(payload)),
      onReady: () => channel.announce(state),
      onDeath: () => channel.announce({ ...state, online: false }),
      storesLate: bug === 'writes the ledger first',
    });
  };
  const spoilt = (payload: Uint8Array): Uint8Array => {
    const ack = parseMessage(ackSchema, payload)!;
    if (bug === 'takes equal numbers for equal frames' && ack.kind === 'welcome' && ack.through > 0)
      return encodeMessage({ ...ack, frames: agent.fingerprints([ack.through]) });
    return payload;
  };
  const takeImageOfHub = () => {
    rmSync(join(dir, 'image of hub'), { recursive: true, force: true });
    cpSync(join(dir, 'hub'), join(dir, 'image of hub'), { recursive: true });
    storeInImage = copyOf(store);
  };
  const putBackLedger = () => {
    rmSync(join(dir, 'hub'), { recursive: true });
    cpSync(join(dir, 'image of hub'), join(dir, 'hub'), { recursive: true });
  };
  let hub = startHub();
  takeImageOfHub();

  const agent = startModelAgent(
    dir,
    (buffer): Uplink => ({
      async connect(handlers) {
        const session = channel.connect(handlers);
        if (bug !== 'releases what was sent') return session;
        return {
          ...session,
          data: (frame) => session.data(frame).then(() => buffer.release(lastOf(frame))),
          [Symbol.asyncDispose]: session[Symbol.asyncDispose],
        };
      },
    }),
    random.pick([0, dayMs]),
  );

  return {
    async take(step: Step) {
      if (!hub.alive) hub = startHub();
      switch (step.do) {
        case 'accept':
          for (let i = 0; i < step.frames; i++) agent.accept(step.samples);
          break;
        case 'spoil':
          channel.spoil(step.how, step.messages);
          break;
        case 'let go':
          channel.letGo();
          break;
        case 'cut':
          channel.down = step.down;
          channel.cut();
          break;
        case 'crash agent':
          channel.cut();
          agent.crash();
          break;
        case 'crash hub':
          hub.crashAt(step.at);
          break;
        case 'store fails':
          hub.failStore(step.how);
          break;
        case 'store restored':
          if (hub.alive) hub.crashAt('now');
          wentBack = restored = true;
          for (const points of store.values()) {
            const kept = Math.floor((points.size * step.percent) / 100);
            for (const [place, { number }] of points) if (number > kept) points.delete(place);
          }
          hub = startHub();
          break;
        case 'ledger restored':
          if (hub.alive) hub.crashAt('now');
          wentBack = restored = true;
          putBackLedger();
          hub = startHub();
          break;
        case 'image':
          if (step.of === 'agent') agent.takeImage();
          else if (hub.alive) takeImageOfHub();
          break;
        case 'set back':
          if (step.of === 'agent') {
            channel.cut();
            late ||= channel.isHolding;
            agent.setBack();
            highest = { epoch: '', next: 0 };
            break;
          }
          if (hub.alive) hub.crashAt('now');
          wentBack = true;
          putBackLedger();
          store.clear();
          for (const [stream, points] of copyOf(storeInImage)) store.set(stream, points);
          hub = startHub();
          break;
        case 'wait':
      }
    },
    heal() {
      channel.spoil('lose', 0);
      channel.down = false;
      channel.letGo();
      if (!hub.alive) hub = startHub();
      hub.crashAt('now');
      hub = startHub();
    },
    /** A message of before an image was put back looks like a second gateway: a person sees that there is none (R21). */
    decide() {
      if (hub.alive && hub.ledger.quarantines().has(name)) hub.ledger.endQuarantine(name);
    },
    drained() {
      const { epoch, acked, next } = agent.state();
      const through = hub.alive ? (hub.ledger.stream(name, epoch)?.through ?? 0) : -1;
      return acked === next - 1 && through === next - 1;
    },
    end() {
      agent.end();
      if (hub.alive) hub.crashAt('now');
    },

    /** I4, I5 and I6, at any moment. */
    always(): string | undefined {
      const { epoch, acked, next, minRetained } = agent.state();
      if (epoch === highest.epoch && next < highest.next)
        return `I6: the next number fell from ${highest.next} to ${next}`;
      highest = { epoch, next };
      if (minRetained > acked + 1) return `I5: kept from ${minRetained}, acknowledged ${acked}`;
      if (!hub.alive) return undefined;
      const through = hub.ledger.stream(name, epoch)?.through ?? 0;
      if (acked > through && !wentBack) return `I4: the agent has released ${acked}, the hub has settled ${through}`;
      for (const stream of hub.ledger.streams()) {
        const there = settledNumbers(hub, stream.number, store);
        for (let number = 1; number <= stream.through; number++) {
          if (there.get(number) !== 1)
            return `I4: number ${number} of ${stream.through} is there ${there.get(number) ?? 0} times`;
        }
      }
      return undefined;
    },

    /** I1, I2, I3, I7 and I10, once everything is healed and drained. */
    inTheEnd(): string | undefined {
      const { epoch, acked, next } = agent.state();
      if (!this.drained()) return `I10: ${acked} of ${next - 1} are settled`;
      const stream = hub.ledger.stream(name, epoch);
      if (!stream && next > 1) return 'I1: the hub does not know the stream';
      for (const { number, through } of hub.ledger.streams()) {
        let expected = 1;
        for (const { first, last } of tiles(hub, number)) {
          if (first !== expected) return `I7: ${first} follows ${expected - 1}`;
          expected = last + 1;
        }
        if (expected !== through + 1) return `I7: the tiles end at ${expected - 1} of ${through}`;
      }
      const counts = new Map<number, number>();
      for (const { value } of [...store.values()].flatMap((points) => [...points.values()]))
        counts.set(value as number, (counts.get(value as number) ?? 0) + 1);
      for (const { serial, places } of agent.accepted) {
        const count = counts.get(shown(serial)) ?? 0;
        // Frames that were taken in from the store cannot be compared: in doubt a sample comes twice.
        if (count > 1 && !restored && !late) return `I2: sample ${serial} is stored ${count} times`;
        // The replay window is of the present epoch: a hub that goes back to before it has lost what it had of earlier ones.
        if (wentBack && places.at(-1)!.epoch !== epoch) continue;
        if (count === 0 && !places.some((place) => isListed(hub, place)))
          return `I1: sample ${serial}, number ${places.map(({ number }) => number).join(' or ')}, is neither stored nor listed`;
      }
      return undefined;
    },
  };
}

const copyOf = (store: ModelStore): ModelStore =>
  new Map([...store].map(([stream, points]) => [stream, new Map(points)]));

/** In a gap, be its end known or not. */
function isListed(hub: ModelHub, { epoch, number }: { epoch: string; number: number }): boolean {
  const stream = hub.ledger.stream(name, epoch);
  const gaps = stream ? hub.ledger.gaps(stream.number) : [];
  return gaps.some(({ first, last }) => number >= first && (last === null || number <= last));
}

/** How often each number is stored, a dead letter, or in a gap. */
function settledNumbers(hub: ModelHub, stream: number | undefined, store: ModelStore): Map<number, number> {
  const there = new Map<number, number>();
  if (stream === undefined) return there;
  const count = (number: number) => there.set(number, (there.get(number) ?? 0) + 1);
  for (const { number } of store.get(stream)?.values() ?? []) count(number);
  for (const { number } of hub.ledger.deadLetters(stream, 0, 1e6)) count(number);
  for (const { first, last } of hub.ledger.gaps(stream)) for (let n = first; n <= (last ?? first - 1); n++) count(n);
  return there;
}

const tiles = (hub: ModelHub, stream: number): { first: number; last: number }[] =>
  [
    ...hub.ledger.batches(stream, 0, 1e6),
    ...hub.ledger.gaps(stream).map(({ first, last }) => ({ first, last: last ?? first - 1 })),
  ].sort((a, b) => a.first - b.first);

const lastOf = (frame: Uint8Array): number => {
  const { first, count } = openFrame(frame).header;
  return first + count - 1;
};
