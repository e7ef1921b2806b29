/**
 * Several ingest processes on one broker, each with its ledger, in front of one InfluxDB: agents are divided, one process
 * is killed and its agents move to another, and a partition moves between two that live. Real processes, real broker,
 * real store; the agents are light, but forward as agents do.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { type Child, startChild } from '../../deploy/demo/child.ts';
import { type OtherLedger, openLedgerReader } from '../../hub/ledger/open-reader.ts';
import { partitionOf } from '../../protocols/partitions.ts';
import { createLightAgent } from '../bench/fleet-agent.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startInfluxd } from '../support/influxd.ts';
import { startMosquitto } from '../support/mosquitto.ts';
import { freePort } from '../support/ports.ts';

t.setTimeout(180_000);

const root = join(import.meta.dirname, '../..');
const token = `pay_${'h'.repeat(43)}`;
const agents = Array.from({ length: 8 }, (_, i) => `agent-${i + 1}`);
const inPartitions = (...own: number[]) => agents.filter((agent) => own.includes(partitionOf(agent, 4)));
const tagsPerAgent = 20;

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
  let starts = 0;
  const startHub = async (hub: string, own: readonly number[], generation: number) => {
    const http = await freePort();
    mkdirSync(join(dir, hub), { recursive: true });
    writeFileSync(join(dir, hub, 'broker-password'), users[`hub-${hub}`]!);
    const others = hubs.filter((other) => other !== hub).map(ledgerOf);
    const file = join(dir, `${hub}.yaml`);
    writeFileSync(
      file,
      JSON.stringify({
        dataDir: join(dir, hub),
        http: { port: http },
        broker: { kind: 'external', url: broker.url, passwordFile: join(dir, hub, 'broker-password') },
        store: { kind: 'influx', influx: { url: influxd.url } },
        ingest: { id: hub, partitions: { of: 4, own }, generation, spreadMs: 100 },
        ledgers: others,
      }),
    );
    const child = startChild({
      name: hub,
      command: process.execPath,
      args: ['hub/payesh-hub.mjs', '-c', file, 'run'],
      env: { ...process.env, PAYESH_TOKEN: token },
      cwd: root,
      logFile: join(dir, 'logs', `${hub}-${++starts}.log`),
    });
    running.add(child);
    const url = `http://127.0.0.1:${http}`;
    await child.until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok === true, 30_000);
    return { child, url };
  };
  const end = async (child: Child, signal: 'SIGKILL' | 'SIGTERM') => {
    running.delete(child);
    const exited = once(child.process, 'exit');
    child.process.kill(signal);
    await exited;
  };

  const a = await startHub('a', [0, 1], 0);
  const b = await startHub('b', [2, 3], 0);

  const stop = new AbortController();
  const fleet = await Promise.all(
    agents.map((id) =>
      createLightAgent({
        url: broker.url,
        id,
        password: users[id]!,
        tags: tagsPerAgent,
        onSettled() {},
        log: { warn() {} },
      }),
    ),
  );
  const forwarding = fleet.map((agent) => agent.run(stop.signal));
  let measured = 0;
  const measuring = setInterval(() => {
    measured += 1;
    for (const agent of fleet) void agent.measure();
  }, 100);
  t.teardown(() => clearInterval(measuring));
  const agentOf = (id: string) => fleet[agents.indexOf(id)]!;
  /** Something new of each of them is settled. */
  const flows = async (ids: readonly string[], what: string) => {
    const before = new Map(ids.map((id) => [id, agentOf(id).through]));
    for (const deadline = Date.now() + 40_000; ; await delay(50)) {
      if (ids.every((id) => agentOf(id).through > before.get(id)! + tagsPerAgent)) return;
      if (Date.now() > deadline) throw new Error(`samples do not flow ${what}`);
    }
  };
  await using ledgers = new AsyncDisposableStack();
  const [ofA, ofB, ofC] = hubs.map((hub): OtherLedger => ledgers.use(openLedgerReader(ledgerOf(hub))));
  const agentsIn = (ledger: OtherLedger) =>
    ledger
      .streams()
      .map(({ agent }) => agent)
      .sort();

  await flows(agents, 'at first');
  t.same(agentsIn(ofA!), inPartitions(0, 1).sort(), 'a has its agents and no other');
  t.same(agentsIn(ofB!), inPartitions(2, 3).sort());

  await end(b.child, 'SIGKILL');
  await flows(inPartitions(0, 1), 'while b is dead');
  let c = await startHub('c', [2, 3], 1);
  await flows(agents, 'after c took over from b');
  t.ok(
    ofC!.streams().every(({ inherited }) => inherited > 0),
    'c goes on where b was',
  );

  const throughOfB = () => ofB!.streams().map(({ through }) => through);
  const leftAt = throughOfB();
  await startHub('b', [2, 3], 0);
  await flows(agents, 'while b is back with its old claim');
  t.same(throughOfB(), leftAt, 'b lets go of what c has');

  // A partition moves from a, which lives on, to c.
  await end(c.child, 'SIGTERM');
  c = await startHub('c', [1, 2, 3], 2);
  await flows(agents, 'after a partition moved between living hubs');
  t.ok(
    inPartitions(1).every((agent) => agentsIn(ofC!).includes(agent)),
    'c has it now',
  );

  clearInterval(measuring);
  const accepted = measured * tagsPerAgent;
  for (const deadline = Date.now() + 40_000; fleet.some(({ through }) => through < accepted); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not drained: ${fleet.map(({ through }) => through)} of ${accepted}`);
  }
  stop.abort();
  await Promise.all(forwarding);

  for (const { agent, epoch, number } of ofC!.streams()) {
    const before = [ofA!, ofB!].find((ledger) => ledger.stream(agent, epoch));
    const lastBefore = Math.max(...before!.batches(number, 0, 1e6).map(({ settledAt }) => settledAt));
    const [first] = ofC!.batches(number, 0, 1);
    t.ok(first!.settledAt > lastBefore, `${agent} was handled by one hub at a time`);
  }
  const proof = (await (
    await fetch(`${c.url}/api/v1/verification?deep=true`, { headers: { authorization: `Bearer ${token}` } })
  ).json()) as { ok: boolean; sentence: string };
  t.ok(proof.ok, proof.sentence);
  t.match(proof.sentence, /0 dead letters, 0 in declared gaps/);
  const shown = (await (
    await fetch(`${a.url}/api/v1/streams`, { headers: { authorization: `Bearer ${token}` } })
  ).json()) as { data: { agent: string; through: number }[] };
  t.same(
    Object.fromEntries(shown.data.map(({ agent, through }) => [agent, through])),
    Object.fromEntries(agents.map((agent) => [agent, accepted])),
    'every hub shows all of them',
  );
});
