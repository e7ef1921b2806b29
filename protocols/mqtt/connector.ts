/** Connects to one broker again and again, and remembers the version of MQTT that it speaks while it stays the same. */
import { connectMqtt, type MqttOptions } from './connect.ts';
import type { MqttSession } from './session.ts';

type Where = Pick<MqttOptions, 'url' | 'username' | 'password' | 'clientId'>;

export type MqttConnector = (options: Omit<MqttOptions, keyof Where | 'protocolVersion'>) => Promise<MqttSession>;

/** A broker that refuses MQTT 5 is not asked for it again, until a connection fails: it may be another one by then. */
export function createMqttConnector(where: Where): MqttConnector {
  let protocolVersion: 4 | 5 = 5;
  return async (options) => {
    const asked = protocolVersion;
    protocolVersion = 5;
    const session = await connectMqtt({ ...where, ...options, protocolVersion: asked });
    protocolVersion = session.protocolVersion;
    return session;
  };
}
