/** Whether a host and a port answer at all: the first two things that go wrong when a device is to be connected. */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP } from 'node:net';

const timeoutMs = 5000;

/** What is wrong, in a sentence with what to try; undefined when something listens there. */
export async function unreachable(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<{ away: string } | undefined> {
  if (!isIP(host)) {
    try {
      await lookup(host);
    } catch {
      return {
        away: `The name ${host} is not known on this network. Type its IP address, or ask who keeps the name server.`,
      };
    }
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const socket = connect(port, host);
  try {
    await once(socket, 'connect', { signal: limit });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED')
      return {
        away: `${host} answers, but nothing listens on port ${port}. Check the port, and that the service is on.`,
      };
    if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH')
      return {
        away: `There is no way to ${host} from here (${code}). Check cable, VLAN and this computer's own address.`,
      };
    return {
      away: `${host}:${port} does not answer within ${timeoutMs / 1000} s. Check the address, the cable, and firewalls between.`,
    };
  } finally {
    socket.destroy();
  }
}
