/**
 * The protocol as a whole, in one process and in virtual time: the agent's real forwarding, the hub's real ingest and
 * ledger, and between them a channel that loses, doubles and reorders. After every step the invariants that must always
 * hold are looked at, and after the last, when everything is healed, those that must hold in the end.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createForwarder } from '../../edge-agent/forward.ts';
import { createMemoryBuffer } from '../../edge-agent/memory-buffer.ts';
import type { Uplink } from '../../edge-agent/uplink.ts';
import { encodePayload, openFrame, toColumns } from '../../protocols/frame.ts';
import { ackSchema, encodeMessage, parseMessage } from '../../protocols/messages.ts';
import { createChannel } from './model-channel.ts';
import { type CrashPoint, crashPoints, type ModelHub, type ModelStore, startModelHub } from './model-hub.ts';
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
  | { readonly do: 'store restored'; readonly percent: number };

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
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
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('store fails' as const),
        how: fc.constantFrom('nothing' as const, 'a part' as const),
      }),
    },
  ),
  { minLength: 5, maxLength: 40 },
);

/** Bugs that the model can plant in itself, to show that it would notice. */
export const bugs = ['releases what was sent', 'acknowledges one too many', 'writes the ledger first'] as const;
export type Bug = (typeof bugs)[number];

/** The ledger's fsyncs shall not cost what they cost on a disk. */
const memoryDisk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const agent = 'a';
const tagIds = [1, 2, 3];
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
    for (let waited = 0; !world.drained() && waited < drainMs; waited += 500) await time.pass(500);
    return world.always() ?? world.inTheEnd();
  } finally {
    world.end();
    await time.pass(100);
    rmSync(dir, { recursive: true });
  }
}

async function createWorld(dir: string, random: Random, bug: Bug | undefined) {
  const store: ModelStore = new Map();
  const buffer = createMemoryBuffer();
  const { epoch } = buffer.state();
  const registered = await buffer.register(
    tagIds.map((i) => ({ path: `t-${i}`, type: 'float', unit: '', role: 'process', source: 's', intervalMs: 1000 })),
    'model/site',
  );
  const manifest = { epoch, revision: registered.revision, site: 'model/site', tags: [...registered.tags] };
  let boots = 0;
  let highest = 0;
  /** Until everything is drained again the hub may know less than the agent has released. */
  let restored = false;

  const channel = createChannel({ random, toHub: (leaf, payload) => hub.receive(leaf, payload) });
  const startHub = (): ModelHub => {
    const boot = `hub-${++boots}`;
    const state = { online: true, hubBoot: boot, spreadMs: 200 };
    const started = startModelHub({
      ledgerFile: join(dir, 'ledger.db'),
      store,
      agent,
      boot,
      window: 4,
      acknowledge: (payload) =>
        channel.acknowledge(bug === 'acknowledges one too many' ? oneTooMany(payload) : payload),
      onReady: () => channel.announce(state),
      onDeath: () => channel.announce({ ...state, online: false }),
      storesLate: bug === 'writes the ledger first',
    });
    return started;
  };
  let hub = startHub();

  const uplink: Uplink = {
    async connect(handlers) {
      const session = channel.connect(handlers);
      if (bug !== 'releases what was sent') return session;
      return {
        ...session,
        data: (frame) => session.data(frame).then(() => buffer.release(lastOf(frame))),
        [Symbol.asyncDispose]: session[Symbol.asyncDispose],
      };
    },
  };
  const startAgent = () => {
    const stop = new AbortController();
    const quiet = { info() {}, warn() {}, error() {} };
    const forwarder = createForwarder({
      buffer,
      uplink,
      manifest,
      bootId: `agent-${++boots}`,
      version: '0',
      log: quiet,
    });
    void forwarder.run(stop.signal);
    return { stop, accepted: forwarder.accepted, link: () => [forwarder.link, forwarder.through, forwarder.lastError] };
  };
  let running = startAgent();

  const shown = (number: number) => number * 3 + 0.5;
  const accept = async (samples: number) => {
    const first = buffer.state().next;
    const columns = toColumns(
      Array.from({ length: samples }, (_, i) => {
        const number = first + i;
        // Time stands still now and then: two samples of one tag at one moment must stay two.
        return {
          tag: tagIds[number % 3]!,
          time: 1_790_000_000_000_000 + Math.floor(number / 9) * 1000,
          value: shown(number),
          quality: 0,
          flags: 0,
        };
      }),
    );
    await buffer.append({
      after: first - 1,
      chunks: [{ keep: 'normal', count: samples, payload: encodePayload(columns) }],
      acceptedAt: Date.now() * 1000,
      manifestRevision: registered.revision,
    });
    running.accepted();
  };

  return {
    async take(step: Step) {
      if (!hub.alive) hub = startHub();
      switch (step.do) {
        case 'accept':
          for (let i = 0; i < step.frames; i++) await accept(step.samples);
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
          running.stop.abort();
          channel.cut();
          running = startAgent();
          break;
        case 'crash hub':
          hub.crashAt(step.at);
          break;
        case 'store fails':
          hub.failStore(step.how);
          break;
        case 'store restored':
          if (hub.alive) hub.crashAt('now');
          restored = true;
          for (const points of store.values()) {
            const keep = Math.floor((points.size * step.percent) / 100);
            for (const [place, { number }] of points) if (number > keep) points.delete(place);
          }
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
    drained() {
      const { acked, next } = buffer.state();
      const through = hub.alive ? (hub.ledger.stream(agent, epoch)?.through ?? 0) : -1;
      return acked === next - 1 && through === next - 1;
    },
    end() {
      running.stop.abort();
      if (hub.alive) hub.crashAt('now');
    },

    /** I4, I5 and I6, at any moment. */
    always(): string | undefined {
      const { acked, next, minRetained } = buffer.state();
      if (next < highest) return `I6: the next number fell from ${highest} to ${next}`;
      highest = next;
      if (minRetained > acked + 1) return `I5: kept from ${minRetained}, acknowledged ${acked}`;
      if (!hub.alive) return undefined;
      const stream = hub.ledger.stream(agent, epoch);
      const through = stream?.through ?? 0;
      if (acked > through && !restored) return `I4: the agent has released ${acked}, the hub has settled ${through}`;
      const there = settledNumbers(hub, stream?.number, store);
      for (let number = 1; number <= through; number++) {
        if (there.get(number) !== 1)
          return `I4: number ${number} of ${through} is there ${there.get(number) ?? 0} times`;
      }
      return undefined;
    },

    /** I1, I2, I3, I7 and I10, once everything is healed and drained. */
    inTheEnd(): string | undefined {
      if (process.env.DBG)
        console.log(
          hub.alive,
          hub.ledger.stream(agent, epoch),
          hub.ledger.gaps(hub.ledger.stream(agent, epoch)!.number),
          hub.ledger.batches(hub.ledger.stream(agent, epoch)!.number, 0, 99),
          running.link(),
        );
      const last = buffer.state().next - 1;
      if (!this.drained()) return `I10: ${buffer.state().acked} of ${last} are settled`;
      const stream = hub.ledger.stream(agent, epoch);
      if (!stream) return last > 0 ? 'I1: the hub does not know the stream' : undefined;
      const there = settledNumbers(hub, stream.number, store);
      for (let number = 1; number <= last; number++) {
        if (there.get(number) !== 1) return `I1: number ${number} of ${last} is there ${there.get(number) ?? 0} times`;
      }
      if (there.size > last) return `I1: ${there.size} numbers, of ${last} that were given`;
      for (const { number, value } of store.get(stream.number)?.values() ?? []) {
        if (value !== shown(number)) return `I3: number ${number} has the value ${value}`;
      }
      let expected = 1;
      for (const { first, last } of tiles(hub, stream.number)) {
        if (first !== expected) return `I7: ${first} follows ${expected - 1}`;
        expected = last + 1;
      }
      return expected === last + 1 ? undefined : `I7: the tiles end at ${expected - 1} of ${last}`;
    },
  };
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

function oneTooMany(payload: Uint8Array): Uint8Array {
  const ack = parseMessage(ackSchema, payload)!;
  return ack.kind === 'ack' ? encodeMessage({ ...ack, through: ack.through + 1 }) : payload;
}
