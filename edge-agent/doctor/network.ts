/** Name resolution and TCP ports, with the ways in which they fail told apart: each has a remedy of its own. */
import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { bad, type Finding, good } from './check.ts';

const connectTimeoutMs = 5000;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Of `mqtts://host:8883`, `opc.tcp://host:4840`, `https://host`. */
export function placeOf(url: string): Place {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (defaultPorts[protocol] ?? 0) };
}
const defaultPorts: Readonly<Record<string, number>> = {
  'mqtt:': 1883,
  'mqtts:': 8883,
  'http:': 80,
  'https:': 443,
  'opc.tcp:': 4840,
};

/** Whether the name is known: nothing to tell of an address. */
export async function findName(host: string): Promise<Finding | undefined> {
  if (isIP(host)) return undefined;
  try {
    const { address } = await lookup(host);
    return good((say) => say.nameKnown(host, address));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return bad((say) => say.nameUnknown(host, code === 'EAI_AGAIN'));
  }
}

/** Whether something listens there. The connection is closed at once. */
function findPort({ host, port }: Place, signal: AbortSignal): Promise<Finding> {
  return new Promise((resolve) => {
    const began = performance.now();
    const socket = connect({ host, port, signal });
    const settle = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    socket.setTimeout(connectTimeoutMs, () => settle(explain('ETIMEDOUT', host, port)));
    socket.once('connect', () => {
      const ms = Math.round(performance.now() - began);
      settle(good((say) => say.portOpen(host, port, ms)));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => settle(explain(error.code ?? error.message, host, port)));
  });
}

function explain(code: string, host: string, port: number): Finding {
  switch (code) {
    case 'ECONNREFUSED':
      return bad((say) => say.portRefused(host, port));
    case 'ETIMEDOUT':
      return bad((say) => say.portSilent(host, port, connectTimeoutMs / 1000));
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return bad((say) => say.noRoute(host));
    case 'ECONNRESET':
      return bad((say) => say.portCloses(host, port));
    default:
      return bad((say) => say.portUnreachable(host, port, code));
  }
}

/** Name and port, as far as it gets. */
export async function findWay(place: Place, signal: AbortSignal): Promise<Finding[]> {
  const name = await findName(place.host);
  if (name?.level === 'bad') return [name];
  return [...(name ? [name] : []), await findPort(place, signal)];
}
