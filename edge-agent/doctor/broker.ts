/** The way to the hub's broker, up to a login with the agent's own name. Never while the agent itself is connected: the
 * broker would end that connection for this one. */
import { connectMqtt } from '../../protocols/mqtt/connect.ts';
import { failureReason } from '../status/failure-reason.ts';
import { bad, type Check, type Finding, good, reasonOf } from './check.ts';
import { findWay, placeOf } from './network.ts';

export interface BrokerLogin {
  readonly url: string;
  readonly agent: string;
  /** @throws {ConfigError} */
  readonly password: () => string;
}

const loginTimeoutMs = 10_000;

export const brokerCheck = (login: BrokerLogin): Check => ({
  name: 'broker',
  timeoutMs: 30_000,
  async run(signal) {
    const way = await findWay(placeOf(login.url), signal);
    if (way.some(({ level }) => level === 'bad')) return way;
    return [...way, await findLogin(login, signal)];
  },
});

async function findLogin({ url, agent, password }: BrokerLogin, signal: AbortSignal): Promise<Finding> {
  let secret: string;
  try {
    secret = password();
  } catch (error) {
    return bad(
      `the agent's password cannot be read: ${reasonOf(error)}`,
      `The hub makes it: payesh-hub agent add ${agent}. Put it where broker.password says.`,
    );
  }
  try {
    await using _session = await connectMqtt({
      url,
      username: agent,
      clientId: agent,
      password: secret,
      connectTimeoutMs: loginTimeoutMs,
      signal,
    });
    return good(`the broker lets ${agent} in`);
  } catch (error) {
    return explainRefusal(reasonOf(error), agent);
  }
}

function explainRefusal(reason: string, agent: string): Finding {
  if (failureReason(reason) === 'login') {
    return bad(
      reason,
      `Have a new password made at the hub, and put it where broker.password says: payesh-hub agent renew ${agent}`,
      `Look whether the hub knows an agent of the name ${agent} at all.`,
    );
  }
  if (/certificate|self-signed|unable to verify|issuer/i.test(reason)) {
    return bad(
      `${reason}: the broker's certificate is not believed`,
      "Ask the hub's operator for the certificate of its authority, and start the agent with NODE_EXTRA_CA_CERTS=<file>.",
    );
  }
  return bad(reason, "Ask the hub's operator to look into the broker's log.");
}
