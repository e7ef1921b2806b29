/**
 * A broker that outlives its machines: three nats-servers with the deployed configuration. One is killed under agents that
 * forward to a real hub; clean sessions and the retained state of the hub are all that is needed.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { connectMqtt } from '../../protocols/mqtt/connect.ts';
import { agentTopic } from '../../protocols/topics.ts';
import { requireOrSkip } from '../support/counterparts.ts';
import { startHubProcess, startLightFleet } from '../support/light-fleet.ts';
import { startNatsCluster } from '../support/nats.ts';

t.setTimeout(240_000);

const agents = ['agent-1', 'agent-2', 'agent-3', 'agent-4'];

t.test('a node of the cluster dies, samples flow again without it, and nothing is lost', async (t) => {
  const program = requireOrSkip(t, 'nats-server');
  if (!program) return;
  const dir = t.testdir({ nats: {} });
  const users = Object.fromEntries(
    [...agents, 'hub-ingest'].map((user) => [user, randomBytes(18).toString('base64url')]),
  );
  await using cluster = await startNatsCluster({ program, folder: join(dir, 'nats'), users });
  const [forHub, forAgents, forNobody] = cluster.nodes;
  const broker = { url: forHub!.url, password: users['hub-ingest']! };
  const hub = await startHubProcess({ dir, name: 'hub', broker, readyWithinMs: 60_000 });
  t.teardown(() => hub.child.stop(5000));
  const fleet = await startLightFleet({
    url: forAgents!.url,
    ids: agents,
    passwords: users,
    tagsPerAgent: 20,
    measureEveryMs: 200,
    // Mostly seven seconds. A connection that the cluster keeps and forgets is made anew after a minute, in a few attempts.
    withinMs: 120_000,
    teardown: (end) => t.teardown(end),
  });
  const flows = async (what: string) => {
    const tookMs = await fleet.flows(what);
    t.comment(`${what}: ${(tookMs / 1000).toFixed(1)} s until something of every agent was settled`);
  };

  await flows('at first');
  await forNobody!.kill();
  await flows('after a node without clients died');
  await forNobody!.start();

  await fleet.drained();
  const proof = await hub.proof();
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
  const { data } = (await (await hub.get('/api/v1/streams'))!.json()) as { data: unknown[] };
  t.equal(data.length, agents.length, 'an agent has no right to the topics of another');
});
