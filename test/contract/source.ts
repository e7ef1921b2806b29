/** What every Source promises; run for each driver, through a relay that can break the connection in several ways. */
import { once } from 'node:events';
import { createServer, connect as openSocket, type Socket } from 'node:net';
import type { Test } from 'tap';
import { systemClock } from '../../protocols/clock.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import type { InspectRequest } from '../../protocols/inspect.ts';
import { isBad, isGood, type SampleValue } from '../../protocols/sample.ts';
import type { Reading, Source } from '../../protocols/source.ts';

/** A server with some tags, and the driver under test. */
export interface SourceFixture extends AsyncDisposable {
  /** Where the server listens on 127.0.0.1. */
  readonly port: number;
  /** The driver configured for a server at this port of 127.0.0.1: the relay's. */
  sourceAt(port: number): Source;
  /** Ids of all tags that the driver is configured with. */
  readonly tagIds: readonly number[];
  /** The tag that `write` changes at the server. */
  readonly written: number;
  write(value: number): void | Promise<void>;
  /** A tag whose node or address the server does not have. */
  readonly absent: number;
  /** Something that can be read. */
  readonly inspect: InspectRequest;
  /** Within this time a server that fell silent must be noticed. */
  readonly silenceMs: number;
}

/** @param jobs how many subtests run side by side: one, unless each fixture has a server of its own. */
export function sourceContract(parent: Test, name: string, makeFixture: () => Promise<SourceFixture>, jobs = 1): void {
  parent.test(`${name} keeps what a source promises`, (t) => {
    t.jobs = jobs;
    t.test('the first reading covers every tag once or more, Bad with null where it cannot be read', async (t) => {
      await using fixture = await makeFixture();
      const before = systemClock.now();
      const [first] = await read(fixture.sourceAt(fixture.port), { until: () => true });
      t.same(new Set(first!.samples.map(({ tag }) => tag)), new Set(fixture.tagIds));
      for (const { tag, time, value, quality } of first!.samples) {
        t.equal(isBad(quality), value === null);
        t.equal(isGood(quality), tag !== fixture.absent);
        t.ok(time >= before && time <= systemClock.now(), 'was measured now');
      }
    });

    t.test('values follow the server, in order, and through never falls', async (t) => {
      await using fixture = await makeFixture();
      const seen: SampleValue[] = [];
      let next = 1;
      await fixture.write(next);
      const readings = await read(fixture.sourceAt(fixture.port), {
        until(reading) {
          for (const { tag, value } of reading.samples) {
            if (tag !== fixture.written || value === seen.at(-1)) continue;
            seen.push(value);
            void fixture.write(++next);
          }
          return seen.length >= 5;
        },
      });
      t.same(seen, [1, 2, 3, 4, 5]);
      for (const [i, { through }] of readings.entries()) {
        t.ok(through >= (readings[i - 1]?.through ?? 0), 'never falls');
        t.ok(through <= systemClock.now(), 'is not ahead');
      }
      t.ok(readings.at(-1)!.through > readings[0]!.through, 'moves on');
    });

    t.test('through moves on where nothing changes', async () => {
      await using fixture = await makeFixture();
      let from: number | undefined;
      await read(fixture.sourceAt(fixture.port), {
        until({ through }) {
          from ??= through;
          return through > from + 1_000_000;
        },
      });
    });

    t.test('a tag that is not there stays Bad and the others flow', async (t) => {
      await using fixture = await makeFixture();
      let written = 100;
      const readings = await read(fixture.sourceAt(fixture.port), {
        until(reading) {
          void fixture.write(++written);
          return reading.samples.some(({ tag, value }) => tag === fixture.written && Number(value) > 103);
        },
      });
      const absent = readings.flatMap(({ samples }) => samples.filter(({ tag }) => tag === fixture.absent));
      t.ok(absent.length >= 1 && absent.every(({ quality }) => isBad(quality)));
    });

    t.test('an abort ends it quietly and at once, whatever it is doing', async (t) => {
      await using fixture = await makeFixture();
      await using relay = await startRelay(fixture.port);
      const source = fixture.sourceAt(relay.port);

      await read(source, { signal: AbortSignal.abort() });

      const whileConnecting = new AbortController();
      setTimeout(() => whileConnecting.abort(), 5);
      t.ok((await timed(() => read(source, { signal: whileConnecting.signal }))) < 5000, 'while it connects');

      const whileReading = new AbortController();
      const ended = timed(() => read(source, { signal: whileReading.signal }), whileReading.signal);
      setTimeout(() => whileReading.abort(), 700);
      t.ok((await ended) < 5000, 'while it reads');

      const whileSilent = new AbortController();
      const silent = timed(
        () => read(source, { signal: whileSilent.signal, until: () => void relay.freeze() }),
        whileSilent.signal,
      );
      setTimeout(() => whileSilent.abort(), 700);
      t.ok((await silent) < 5000, 'while the server is silent');
    });

    t.test('something can be read once while a session is up, and nothing when none is', async (t) => {
      await using fixture = await makeFixture();
      const source = fixture.sourceAt(fixture.port);
      const ask = () => source.inspect(fixture.inspect, new AbortController().signal);
      await t.rejects(ask(), ConnectionError, 'before');
      for await (const _ of source.read(new AbortController().signal)) {
        const asked = systemClock.now();
        const found = await ask();
        t.equal(found.kind, fixture.inspect.kind);
        const readAt = found.kind === 'opcua' ? found.readAt : found.answeredAt;
        t.ok(readAt >= asked && readAt <= systemClock.now());
        break;
      }
      await t.rejects(ask(), ConnectionError, 'after');
    });

    t.test('leaving the loop closes the connection, and it can be read again', async (t) => {
      await using fixture = await makeFixture();
      await using relay = await startRelay(fixture.port);
      const source = fixture.sourceAt(relay.port);
      for (let session = 1; session <= 2; session++) {
        for await (const { samples } of source.read(new AbortController().signal)) {
          t.same(new Set(samples.map(({ tag }) => tag)), new Set(fixture.tagIds), `session ${session}`);
          break;
        }
        await relay.untilUnused();
      }
    });

    t.test('a server that dies is a ConnectionError at once, and one that is not there too', async (t) => {
      await using fixture = await makeFixture();
      await using relay = await startRelay(fixture.port);
      const source = fixture.sourceAt(relay.port);
      let killedAt = 0;
      const lost = read(source, {
        until() {
          killedAt ||= performance.now();
          relay.kill();
          return false;
        },
      });
      await t.rejects(lost, ConnectionError);
      t.ok(performance.now() - killedAt < 5000, 'at once');
      await t.rejects(read(source, {}), ConnectionError, 'refused');
    });

    t.test('a server that falls silent is a ConnectionError within its time, at the start too', async (t) => {
      await using fixture = await makeFixture();
      await using relay = await startRelay(fixture.port);
      const source = fixture.sourceAt(relay.port);
      let up = 0;
      const fellSilent = read(source, {
        until() {
          up++;
          relay.freeze();
          return false;
        },
      });
      t.ok((await timed(() => t.rejects(fellSilent, ConnectionError))) < fixture.silenceMs, 'in the middle');
      t.ok(up > 0);
      const neverSpoke = read(source, { until: () => t.fail('nothing was read') });
      t.ok((await timed(() => t.rejects(neverSpoke, ConnectionError))) < fixture.silenceMs, 'at the start');
    });
    t.end();
  });
}

interface ReadOptions {
  /** Stops when this is true of a reading. */
  until?: (reading: Reading) => unknown;
  signal?: AbortSignal;
}

/** The readings until `until` is satisfied or the signal aborts; longer than a minute is a failure. */
async function read(source: Source, options: ReadOptions): Promise<Reading[]> {
  const { until = () => false, signal = new AbortController().signal } = options;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 60_000);
  const readings: Reading[] = [];
  let satisfied = false;
  try {
    for await (const reading of source.read(AbortSignal.any([signal, stop.signal]))) {
      readings.push(reading);
      satisfied = Boolean(until(reading));
      if (satisfied) stop.abort();
    }
  } finally {
    clearTimeout(timer);
  }
  if (!satisfied && !signal.aborted) throw new Error('what was waited for did not come');
  return readings;
}

/** Milliseconds that it took; with a signal, since that aborted. */
async function timed(work: () => Promise<unknown>, since?: AbortSignal): Promise<number> {
  let start = performance.now();
  since?.addEventListener('abort', () => {
    start = performance.now();
  });
  await work();
  return performance.now() - start;
}

/** A TCP relay to a server of the test. */
async function startRelay(to: number) {
  const sockets = new Set<Socket>();
  let frozen = false;
  const server = createServer((near) => {
    const far = openSocket(to, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (chunk) => frozen || into.write(chunk));
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        into.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kill = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    /** As if the server's process died: what is connected breaks, what comes is refused. */
    kill,
    /** As if the server hung: it still accepts, but nothing passes any more. */
    freeze() {
      frozen = true;
    },
    /** Resolves when nobody is connected. */
    async untilUnused() {
      while (sockets.size > 0) await systemClock.sleep(5);
    },
    async [Symbol.asyncDispose]() {
      kill();
    },
  };
}
