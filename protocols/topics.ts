/** The MQTT topics of the protocol. The agent id is the broker's user name, so that access lists are patterns. */

const root = 'payesh/v1';

export type AgentTopic = 'up/hello' | 'up/manifest' | 'up/data' | 'up/live' | 'down/ack';

/** Safe in topics, file names and InfluxDB tags. */
export const agentIdPattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export const hubStateTopic = `${root}/hub/state`;
export const agentTopic = (agent: string, leaf: AgentTopic): string => `${root}/a/${agent}/${leaf}`;
/** What the hub subscribes to. */
export const everyAgentUp = `${root}/a/+/up/#`;

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
