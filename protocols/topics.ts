/**
 * The MQTT topics of the protocol. The agent id is the broker's user name, so that access lists are patterns; a hub's
 * user is `hub-` and its id, so that no agent can speak for it.
 */

const root = 'payesh/v1';

export type AgentTopic = 'up/hello' | 'up/manifest' | 'up/data' | 'up/live' | 'down/ack';

/** Safe in topics, file names and InfluxDB tags. */
export const agentIdPattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export const agentTopic = (agent: string, leaf: AgentTopic): string => `${root}/a/${agent}/${leaf}`;
/** What a hub subscribes to that owns every agent. */
export const everyAgentUp = `${root}/a/+/up/+`;
/** What one of several hubs subscribes to, and for each agent that it greets in addition. */
export const everyHello = `${root}/a/+/up/hello`;
export const agentUp = (agent: string): string[] =>
  (['up/manifest', 'up/data', 'up/live'] as const).map((leaf) => agentTopic(agent, leaf));

/** Retained. */
export const hubStateTopic = (hub: string): string => `${root}/hub/${hub}/state`;
export const everyHubState = `${root}/hub/+/state`;
/** The broker account of an ingest process. */
export const hubUser = (hub: string): string => `hub-${hub}`;

/** undefined for a topic that is not of the protocol. */
export function parseAgentTopic(topic: string): { agent: string; leaf: AgentTopic } | undefined {
  const parts = topic.split('/');
  if (parts.length !== 6 || parts[0] !== 'payesh' || parts[1] !== 'v1' || parts[2] !== 'a') return undefined;
  const agent = parts[3]!;
  const leaf = `${parts[4]}/${parts[5]}`;
  if (!agentIdPattern.test(agent)) return undefined;
  if (!['up/hello', 'up/manifest', 'up/data', 'up/live', 'down/ack'].includes(leaf)) return undefined;
  return { agent, leaf: leaf as AgentTopic };
}

/** The id of the hub whose state a topic is; undefined for any other topic. */
export function parseHubStateTopic(topic: string): string | undefined {
  const hub = /^payesh\/v1\/hub\/([a-z0-9-]+)\/state$/.exec(topic)?.[1];
  return hub !== undefined && agentIdPattern.test(hub) ? hub : undefined;
}
