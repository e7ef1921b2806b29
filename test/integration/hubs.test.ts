/**
 * Several ingest processes on one broker, each with its ledger, in front of one InfluxDB: agents are divided, one process
 * is killed and its agents move to another, and a partition moves between two that live. Real processes, real broker,
 * real store; the agents are light, but forward as agents do.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import type { Child } from '../../deploy/demo/child.ts';
import { type OtherLedger, openLedgerReader } from '../../hub/ledger/open-reader.ts';
import { partitionOf } from '../../protocols/partitions.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startHubProcess, startLightFleet } from '../support/light-fleet.ts';
import { startMosquitto } from '../support/mosquitto.ts';

t.setTimeout(180_000);

const agents = Array.from({ length: 8 }, (_, i) => `agent-${i + 1}`);
const inPartitions = (...own: number[]) => agents.filter((agent) => own.includes(partitionOf(agent, 4)));

t.test('agents move between hubs; each stream is handled by one at a time, and all of it is proved', async (t) => {
  const program = requireOrSkip(t, 'mosquitto');
  if (!program || !requireOrSkip(t, 'influxd')) return;
  t.ok(
    [0, 1, 2, 3].every((partition) => inPartitions(partition).length > 0),
    'every partition has agents',
  );
  const dir = t.testdir({ broker: {} });
  const hubs = ['a', 'b', 'c'] as const;
  const users = Object.fromEntries(
    [...agents, ...hubs.map((hub) => `hub-${hub}`)].map((user) => [user, randomBytes(18).toString('base64url')]),
  );
  const acl = hubs.map(
    (hub) =>
      `user hub-${hub}\ntopic read payesh/v1/a/+/up/#\ntopic write payesh/v1/a/+/down/#\ntopic write payesh/v1/hub/${hub}/state\n`,
  );
  await using broker = await startMosquitto({ program, folder: join(dir, 'broker'), users, acl: `\n${acl.join('')}` });
  await using influxd = await startInfluxd({ dir: join(dir, 'influxdb') });

  const ledgerOf = (hub: string) => join(dir, hub, 'ledger.db');
  const running = new Set<Child>();
  t.teardown(async () => {
    for (const child of running) await child.stop(2000);
  });
  const startHub = async (hub: string, own: readonly number[], generation: number) => {
    const started = await startHubProcess({
      dir,
      name: hub,
      broker: { url: broker.url, password: users[`hub-${hub}`]! },
      config: {
        store: { kind: 'influx', influx: { url: influxd.url } },
        ingest: { id: hub, partitions: { of: 4, own }, generation, spreadMs: 100 },
        ledgers: hubs.filter((other) => other !== hub).map(ledgerOf),
      },
      readyWithinMs: 30_000,
    });
    running.add(started.child);
    return started;
  };
  const end = async (child: Child, signal: 'SIGKILL' | 'SIGTERM') => {
    running.delete(child);
    const exited = once(child.process, 'exit');
    child.process.kill(signal);
    await exited;
  };

  let a = await startHub('a', [0, 1], 0);
  const b = await startHub('b', [2, 3], 0);

  const fleet = await startLightFleet({
    url: broker.url,
    ids: agents,
    passwords: users,
    tagsPerAgent: 20,
    measureEveryMs: 100,
    withinMs: 40_000,
    teardown: (end) => t.teardown(end),
  });
  await using ledgers = new AsyncDisposableStack();
  const [ofA, ofB, ofC] = hubs.map((hub): OtherLedger => ledgers.use(openLedgerReader(ledgerOf(hub))));
  const agentsIn = (ledger: OtherLedger) =>
    ledger
      .streams()
      .map(({ agent }) => agent)
      .sort();

  await fleet.flows('at first');
  t.same(agentsIn(ofA!), inPartitions(0, 1).sort(), 'a has its agents and no other');
  t.same(agentsIn(ofB!), inPartitions(2, 3).sort());

  await end(b.child, 'SIGKILL');
  await fleet.flows('while b is dead', inPartitions(0, 1));
  let c = await startHub('c', [2, 3], 1);
  await fleet.flows('after c took over from b');
  t.ok(
    ofC!.streams().every(({ inherited }) => inherited > 0),
    'c goes on where b was',
  );

  const throughOfB = () => ofB!.streams().map(({ through }) => through);
  const leftAt = throughOfB();
  await startHub('b', [2, 3], 0);
  await fleet.flows('while b is back with its old claim');
  t.same(throughOfB(), leftAt, 'b lets go of what c has');

  // A partition moves from a, which lives on, to c.
  await end(c.child, 'SIGTERM');
  c = await startHub('c', [1, 2, 3], 2);
  await fleet.flows('after a partition moved between living hubs');
  t.ok(
    inPartitions(1).every((agent) => agentsIn(ofC!).includes(agent)),
    'c has it now',
  );

  // And comes home: a was there before, and goes on behind c.
  await end(c.child, 'SIGTERM');
  await end(a.child, 'SIGTERM');
  c = await startHub('c', [2, 3], 2);
  a = await startHub('a', [0, 1], 3);
  await fleet.flows('after the partition came home');
  const home = ofA!.streams().filter(({ agent }) => inPartitions(1).includes(agent));
  t.ok(
    home.every(({ number }) => ofA!.elsewhere(number).length === 1),
    'what c has settled is c’s',
  );
  t.same(
    home.flatMap(({ number }) => [...ofA!.gaps(number)]),
    [],
  );

  const accepted = await fleet.drained();
  for (const { agent, epoch, number, inherited } of ofC!.streams()) {
    const before = [ofA!, ofB!].find((ledger) => ledger.stream(agent, epoch));
    const batches = before!.batches(number, 0, 1e6).filter(({ last }) => last <= inherited);
    const lastBefore = Math.max(...batches.map(({ settledAt }) => settledAt));
    const [first] = ofC!.batches(number, 0, 1);
    t.ok(first!.settledAt > lastBefore, `${agent} was handled by one hub at a time`);
  }
  const proof = await c.proof();
  t.ok(proof.ok, proof.sentence);
  t.match(proof.sentence, /0 dead letters, 0 in declared gaps/);
  const shown = (await (await a.get('/api/v1/streams'))!.json()) as { data: { agent: string; through: number }[] };
  t.same(
    Object.fromEntries(shown.data.map(({ agent, through }) => [agent, through])),
    Object.fromEntries(agents.map((agent) => [agent, accepted])),
    'every hub shows all of them',
  );
});
