/**
 * A broker that outlives its machines: three nats-servers with the deployed configuration. One is killed under agents that
 * forward to a real hub; clean sessions and the retained state of the hub are all that is needed.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { startChild } from '../../deploy/demo/child.ts';
import { connectMqtt } from '../../protocols/mqtt/connect.ts';
import { agentTopic } from '../../protocols/topics.ts';
import { createLightAgent } from '../bench/fleet-agent.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startNatsCluster } from '../support/nats.ts';
import { freePort } from '../support/ports.ts';

t.setTimeout(240_000);

const token = `pay_${'n'.repeat(43)}`;
const agents = ['agent-1', 'agent-2', 'agent-3', 'agent-4'];
const tagsPerAgent = 20;

t.test('a node of the cluster dies, samples flow again without it, and nothing is lost', async (t) => {
  const program = requireOrSkip(t, 'nats-server');
  if (!program) return;
  const dir = t.testdir({ nats: {}, hub: {} });
  const users = Object.fromEntries(
    [...agents, 'hub-ingest'].map((user) => [user, randomBytes(18).toString('base64url')]),
  );
  await using cluster = await startNatsCluster({ program, folder: join(dir, 'nats'), users });
  const [forHub, forAgents, forNobody] = cluster.nodes;

  const http = await freePort();
  mkdirSync(join(dir, 'logs'));
  writeFileSync(join(dir, 'hub/broker-password'), users['hub-ingest']!);
  const broker = { kind: 'external', url: forHub!.url, passwordFile: join(dir, 'hub/broker-password') };
  writeFileSync(join(dir, 'hub.yaml'), JSON.stringify({ dataDir: join(dir, 'hub'), http: { port: http }, broker }));
  const hub = startChild({
    name: 'hub',
    command: process.execPath,
    args: ['hub/payesh-hub.mjs', '-c', join(dir, 'hub.yaml'), 'run'],
    env: { ...process.env, PAYESH_TOKEN: token },
    cwd: join(import.meta.dirname, '../..'),
    logFile: join(dir, 'logs/hub.log'),
  });
  t.teardown(() => hub.stop(5000));
  const get = (path: string) =>
    fetch(`http://127.0.0.1:${http}${path}`, { headers: { authorization: `Bearer ${token}` } }).catch(() => undefined);
  await hub.until(async () => (await get('/readyz'))?.ok === true, 60_000);

  const stop = new AbortController();
  const fleet = await Promise.all(
    agents.map((id) =>
      createLightAgent({
        url: forAgents!.url,
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
  }, 200);
  t.teardown(() => clearInterval(measuring));
  const flows = async (what: string) => {
    const before = fleet.map(({ through }) => through);
    const startedAt = performance.now();
    for (; fleet.some(({ through }, i) => through <= before[i]!); await delay(50)) {
      if (performance.now() - startedAt > 90_000) throw new Error(`samples do not flow ${what}`);
    }
    t.comment(
      `${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s until something of every agent was settled`,
    );
  };

  await flows('at first');
  await forNobody!.kill();
  await flows('after a node without clients died');
  await forNobody!.start();

  clearInterval(measuring);
  const accepted = measured * tagsPerAgent;
  for (const deadline = Date.now() + 60_000; fleet.some(({ through }) => through < accepted); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not drained: ${fleet.map(({ through }) => through)} of ${accepted}`);
  }
  stop.abort();
  await Promise.all(forwarding);
  const proof = (await (await get('/api/v1/verification?deep=true'))!.json()) as { ok: boolean; sentence: string };
  t.ok(proof.ok, proof.sentence);
  t.match(proof.sentence, /0 dead letters, 0 in declared gaps/);

  await using stranger = await connectMqtt({
    url: forAgents!.url,
    username: 'agent-1',
    clientId: 'agent-1',
    password: users['agent-1']!,
  });
  t.equal(stranger.protocolVersion, 4, 'MQTT 3.1.1');
  await stranger.publish(agentTopic('agent-2', 'up/hello'), 'x', { qos: 1 }).catch(() => {});
  const { data } = (await (await get('/api/v1/streams'))!.json()) as { data: unknown[] };
  t.equal(data.length, agents.length, 'an agent has no right to the topics of another');
});
