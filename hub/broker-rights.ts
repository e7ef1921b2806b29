/** Who may publish and subscribe to what. The same rules as deploy/mosquitto/acl, a little stricter where MQTT allows. */
import { agentTopic, everyHubState, hubUser, parseAgentTopic, parseHubStateTopic } from '../protocols/topics.ts';

export interface PublishAttempt {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** `user` is authenticated; `hub` is the name of the hub's own user. Wills are asked about as well. */
export function mayPublish(user: string, hub: string, { topic, qos, retain }: PublishAttempt): boolean {
  if (qos > 1) return false;
  const hubId = parseHubStateTopic(topic);
  if (hubId !== undefined) return user === hub && hubUser(hubId) === hub;
  // A retained message would stay in memory for ever.
  if (retain) return false;
  const parsed = parseAgentTopic(topic);
  if (!parsed) return false;
  return user === hub ? parsed.leaf.startsWith('down/') : parsed.agent === user && parsed.leaf.startsWith('up/');
}

export function maySubscribe(user: string, hub: string, filter: string): boolean {
  if (filter === everyHubState || parseHubStateTopic(filter) !== undefined) return true;
  if (user === hub) return /^payesh\/v1\/a\/(\+|[a-z0-9-]+)\/up\/(#|\+|[a-z]+)$/.test(filter);
  const ack = agentTopic(user, 'down/ack');
  return filter === ack || filter === ack.replace(/[^/]+$/, '#');
}
