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
    return good(`the name ${host} is ${address}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EAI_AGAIN' ? 'no DNS server answers' : 'no DNS server and no hosts file knows it';
    return bad(
      `the name ${host} is not known to this gateway: ${why}`,
      'Write the IP address in the configuration, or enter the name in /etc/hosts or in the DNS.',
      'See which DNS servers are asked: resolvectl status, or cat /etc/resolv.conf',
    );
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
    socket.once('connect', () =>
      settle(good(`${host} port ${port} is open (${Math.round(performance.now() - began)} ms)`)),
    );
    socket.once('error', (error: NodeJS.ErrnoException) => settle(explain(error.code ?? error.message, host, port)));
  });
}

function explain(code: string, host: string, port: number): Finding {
  switch (code) {
    case 'ECONNREFUSED':
      return bad(
        `${host} answers, but refuses port ${port}: nothing listens there`,
        'Compare the port with the settings of the other side.',
        'Look whether the service is switched on there. A firewall may refuse as well.',
      );
    case 'ETIMEDOUT':
      return bad(
        `${host} port ${port} gives no answer within ${connectTimeoutMs / 1000} s`,
        `See whether the machine is there at all: ping ${host}`,
        'If it is, a firewall drops the connection; if not, check its power, cable and address.',
      );
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return bad(
        `this gateway has no route to ${host}`,
        "Compare the gateway's own address and mask with the network of the other side: ip address, ip route",
        'Check that the cable is in the right network port.',
      );
    case 'ECONNRESET':
      return bad(
        `${host} closes connections to port ${port} at once`,
        'It may bear only so many connections: end other programs that use it, or look for an allow-list there.',
      );
    default:
      return bad(`${host} port ${port} cannot be reached: ${code}`, `Try: ping ${host}`);
  }
}

/** Name and port, as far as it gets. */
export async function findWay(place: Place, signal: AbortSignal): Promise<Finding[]> {
  const name = await findName(place.host);
  if (name?.level === 'bad') return [name];
  return [...(name ? [name] : []), await findPort(place, signal)];
}
