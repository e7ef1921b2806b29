/**
 * One MQTT connection from CONNECT to its end, for the agent's uplink and the hub's ingest. It never reconnects and
 * never queues: what is not acknowledged when the connection ends has failed, and the runner decides what to do.
 */
import { type IClientOptions, connect as openClient } from 'mqtt';
import './packet-lengths.ts';
import { isVersionRefusal, refusal } from './refusal.ts';
import { createSession, type MqttSession, maxPacketBytes, type OnMessage } from './session.ts';

export interface MqttOptions {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Must be the user name: the brokers insist on it. A second connection with it ends the first. */
  readonly clientId: string;
  /** Published by the broker when the connection ends otherwise than by dispose. */
  readonly will?: MqttWill;
  /** Set before connecting, so that no message comes too early for it. */
  readonly onMessage?: OnMessage;
  /** A peer that has gone is noticed after 1.5 times this. */
  readonly keepaliveS?: number;
  /** 5 falls back to 4 (MQTT 3.1.1) when the broker refuses it; 4 does not try 5. */
  readonly protocolVersion?: 4 | 5;
  readonly connectTimeoutMs?: number;
  /** How long the acknowledgement of a publish or a subscribe may take. */
  readonly replyTimeoutMs?: number;
  /** Gives up connecting; has no say over the session afterwards. */
  readonly signal?: AbortSignal;
}

export interface MqttWill {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** @throws {ConnectionError} no connection; its message tells a wrong password from an absent broker. */
export async function connectMqtt(options: MqttOptions): Promise<MqttSession> {
  const { protocolVersion = 5 } = options;
  try {
    return await connectAs(protocolVersion, options);
  } catch (error) {
    if (protocolVersion === 4 || !isVersionRefusal(error)) throw error;
    return await connectAs(4, options);
  }
}

function connectAs(protocolVersion: 4 | 5, options: MqttOptions): Promise<MqttSession> {
  const { url, username, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const client = openClient(clientOptions(protocolVersion, options));
    const session = createSession(client, protocolVersion, options);
    const settle = () => {
      client.off('connect', onConnect).off('error', onError).off('close', onClose);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      settle();
      client.end(true);
      reject(error);
    };
    const onConnect = () => {
      settle();
      resolve(session);
    };
    const onError = (error: Error) => fail(refusal(error, url, username));
    const onClose = () => fail(refusal(undefined, url, username));
    const onAbort = () => fail(signal?.reason);
    client.on('connect', onConnect).on('error', onError).on('close', onClose);
    signal?.addEventListener('abort', onAbort);
  });
}

/** QoS 1 messages that an MQTT 5 broker may send ahead of our acknowledgements. */
const receiveMaximum = 100;

/** A new object each time: the library writes into it. */
function clientOptions(protocolVersion: 4 | 5, options: MqttOptions): IClientOptions {
  const { protocol, hostname, port } = new URL(options.url);
  const { will, keepaliveS = 15, connectTimeoutMs = 10_000 } = options;
  const isTls = protocol === 'mqtts:';
  return {
    protocol: isTls ? 'mqtts' : 'mqtt',
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (isTls ? 8883 : 1883),
    username: options.username,
    password: options.password,
    clientId: options.clientId,
    protocolVersion,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: connectTimeoutMs,
    keepalive: keepaliveS,
    will: will && { ...will, payload: Buffer.from(will.payload) },
    properties: protocolVersion === 5 ? { maximumPacketSize: maxPacketBytes, receiveMaximum } : undefined,
  };
}
