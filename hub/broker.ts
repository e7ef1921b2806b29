/**
 * The broker inside the hub, for the installation that has no other: aedes, MQTT 3.1.1, nothing kept on disk. It
 * gives the same rights as deploy/mosquitto and bounds what one client can make it hold.
 */
import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AuthenticateError } from 'aedes';
import { ConfigError } from '../protocols/errors.ts';
import { maxPacketBytes } from '../protocols/mqtt/session.ts';
import { agentIdPattern } from '../protocols/topics.ts';
import { limitPackets } from './broker-packet-limit.ts';
import { mayPublish, maySubscribe } from './broker-rights.ts';

export interface BrokerOptions {
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Asked on every connection, the hub's own included. */
  authenticate(username: string, password: string): boolean | Promise<boolean>;
  /** User name of the hub's own connection; every other user is an agent. */
  readonly ingestUser: string;
  readonly maxConnections?: number;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface Broker extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** `faults`: connections ended for what they did or did not do, connections over the limit, subscriptions denied. */
  stats(): { readonly connections: number; readonly faults: number };
}

/** Before a client has proved who it is, its packets have to be this small. */
const maxConnectBytes = 4096;
const connectTimeoutMs = 10_000;
const maxKeepaliveS = 120;
/** An agent with so much unread has stopped reading: it gets a few hundred bytes now and then. */
const maxUnreadBytes = 32 * 1024;
/** CONNACK return code of MQTT 3.1.1 §3.2.2.3. */
const versionRefused = 1;
/** Faults are all counted, but logged at most this often: a stranger must not fill the log. */
const faultLogIntervalMs = 10_000;

/** @throws {ConfigError} the address cannot be listened on. */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { host = '127.0.0.1', ingestUser, maxConnections = 2000, log } = options;
  /** Every open connection, with what sets its packet limit. */
  const limits = new Map<unknown, (maxBytes: number) => void>();
  let faults = 0;
  let quietUntil = 0;

  const fault = (reason: string, fields: object) => {
    faults++;
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + faultLogIntervalMs;
    log.warn({ reason, faults, ...fields }, 'broker refused a client');
  };

  const isUser = async (id: string, username = '', password: Buffer | undefined) => {
    // Rights go by the client id from here on, and a user's second connection ends the first.
    if (id !== username || !password) return false;
    if (username !== ingestUser && !agentIdPattern.test(username)) return false;
    return options.authenticate(username, password.toString());
  };

  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    // The hub may stop reading for as long as its store is away: whoever publishes waits. Its keep-alive is the limit.
    drainTimeout: 0,
    keepaliveLimit: maxKeepaliveS,
    // Messages under way at once, over all clients. Publishers beyond it wait: their sockets are not read.
    concurrency: 100,
    // Packets of a client that does not wait for its CONNACK.
    queueLimit: 10,
    preConnect: (_client, packet, done) => {
      // A session that outlives its connection would queue without bound.
      if (packet.clean) done(null, true);
      else done(new Error('persistent session'), false);
    },
    authenticate: (client, username, password, done) => {
      isUser(client.id, username, password).then(
        (allowed) => {
          if (allowed) limits.get(client.conn)?.(maxPacketBytes);
          done(allowed ? null : refusal('wrong user name, client id or password', 4), allowed);
        },
        (error) => {
          log.error({ err: error }, 'broker cannot check passwords');
          done(refusal('passwords cannot be checked', 3), false);
        },
      );
    },
    authorizePublish: (client, packet, done) => {
      const allowed = client !== null && mayPublish(client.id, ingestUser, packet);
      done(allowed ? null : new Error(`no right to publish on ${packet.topic.slice(0, 200)}`));
    },
    authorizeSubscribe: (client, subscription, done) => {
      const allowed = maySubscribe(client.id, ingestUser, subscription.topic);
      if (!allowed) fault(`no right to subscribe to ${subscription.topic.slice(0, 200)}`, { client: client.id });
      done(null, allowed ? subscription : null);
    },
    authorizeForward: (client, packet) => {
      if (client.id === ingestUser || client.conn.writableLength < maxUnreadBytes) return packet;
      // Waiting for it would hold up the acknowledgements of everybody else.
      client.conn.destroy(new Error('does not read'));
      return null;
    },
  });
  aedes.on('clientReady', (client) => log.info({ client: client.id }, 'client connected to the broker'));
  aedes.on('clientDisconnect', (client) => log.info({ client: client.id }, 'client left the broker'));
  aedes.on('clientError', (client, error) => fault(error.message, { client: client.id }));
  aedes.on('connectionError', (_client, error: Error & { errorCode?: number }) => {
    // Our own clients try MQTT 5 first and come again.
    if (error.errorCode !== versionRefused) fault(error.message, {});
  });
  (aedes as EventEmitter).on('error', (error) => log.error({ err: error }, 'broker failed'));

  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    limits.set(socket, limitPackets(socket, maxConnectBytes));
    socket.once('close', () => limits.delete(socket));
    aedes.handle(socket);
  });
  server.maxConnections = maxConnections;
  server.on('drop', () => fault('too many connections', { maxConnections }));

  try {
    await listen(server, options.port, host);
  } catch (error) {
    aedes.close();
    throw listenError(error as NodeJS.ErrnoException, host, options.port);
  }
  server.on('error', (error) => log.error({ err: error }, 'broker failed'));
  const { port } = server.address() as { port: number };

  return {
    port,
    url: `mqtt://${host.includes(':') ? `[${host}]` : host}:${port}`,
    stats: () => ({ connections: limits.size, faults }),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of limits.keys()) (socket as Socket).destroy();
      await closed;
    },
  };
}

const refusal = (message: string, returnCode: 3 | 4): AuthenticateError =>
  Object.assign(new Error(message), { returnCode });

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): unknown {
  const hints: Record<string, string> = {
    EADDRINUSE: 'Another broker or hub has this port: stop it, or choose another port for the broker.',
    EACCES: 'Ports below 1024 need a right: choose a port above 1023 for the broker.',
    EADDRNOTAVAIL: 'This machine has no such address: choose one of its own for the broker, or 127.0.0.1.',
    ENOTFOUND: 'The host name is not known: give the broker an IP address of this machine.',
  };
  const hint = hints[cause.code ?? ''];
  if (!hint) return cause;
  return new ConfigError(`the broker cannot listen: ${cause.message}`, { path: `${host}:${port}`, hint, cause });
}
