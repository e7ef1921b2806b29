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
  name: (say) => say.names.broker,
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
    return bad((say) => say.passwordUnreadable(reasonOf(error), agent));
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
    return good((say) => say.brokerLetsIn(agent));
  } catch (error) {
    return explainRefusal(reasonOf(error), agent);
  }
}

function explainRefusal(reason: string, agent: string): Finding {
  if (failureReason(reason) === 'login') return bad((say) => say.brokerRefuses(reason, agent));
  if (/certificate|self-signed|unable to verify|issuer/i.test(reason))
    return bad((say) => say.brokerNotBelieved(reason));
  return bad((say) => say.brokerOther(reason));
}
