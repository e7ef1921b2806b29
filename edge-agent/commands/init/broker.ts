/** The interview about the hub's broker, ending with a real login: a wrong password is cheaper here than on the next visit. */
import { ConnectionError } from '../../../protocols/errors.ts';
import type { Mistake } from '../../terminal/interview.ts';
import type { InitContext } from './context.ts';
import { readPasswordFile } from './password.ts';
import { unreachable } from './reachable.ts';

export interface BrokerAnswers {
  readonly url: string;
  readonly password: string;
}

const connectTimeoutMs = 10_000;
const maxPasswordLength = 1000;

export async function askBroker(agent: string, context: InitContext): Promise<BrokerAnswers> {
  const { options, interview, terminal, signal } = context;
  const address = await interview.text({
    message: 'Address of the broker at the hub (mqtt://host:1883, or mqtts://host:8883)',
    option: '--broker <url>',
    given: options.broker,
    async check(text) {
      const url = URL.parse(brokerUrl(text));
      if (!url || !/^mqtts?:$/.test(url.protocol) || url.hostname === '')
        return `"${text}" is no address: it must be mqtt://host:1883.`;
      if (url.username !== '' || url.password !== '') return 'Leave user and password out: they are asked for.';
      using _progress = terminal.progress(`connecting to ${url.host}`);
      return await unreachable(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port), signal);
    },
  });
  const url = brokerUrl(address);
  const password = await interview.text({
    message: `Password of agent ${agent}, as "payesh-hub agent add ${agent}" showed it`,
    option: '--password-file <file>',
    given: readPasswordFile(options.passwordFile),
    secret: true,
    check: (text) => (text.length <= maxPasswordLength ? checkLogin(url, agent, text, context) : 'That is too long.'),
  });
  return { url, password };
}

function brokerUrl(text: string): string {
  const url = /^[a-z]+:\/\//i.test(text) ? text : `mqtt://${text}`;
  if (!/^mqtts?:\/\/(\[[^\]]*\]|[^/:]+)\/?$/i.test(url)) return url;
  return `${url.replace(/\/$/, '')}:${/^mqtts:/i.test(url) ? 8883 : 1883}`;
}

/** A second login of the same agent would end the first: where one runs, it is left alone. */
async function checkLogin(
  url: string,
  agent: string,
  password: string,
  { interview, terminal, signal, dataDir }: InitContext,
): Promise<Mistake | undefined> {
  const { reportOf } = await import('../running-agent.ts');
  if (await reportOf(dataDir, signal)) {
    interview.tell(
      '  An agent runs with this data folder: the login is not tried, since it would take its connection over.',
    );
    return undefined;
  }
  using _progress = terminal.progress(`logging in at ${url} as ${agent}`);
  const { connectMqtt } = await import('../../../protocols/mqtt/connect.ts');
  try {
    await using _session = await connectMqtt({
      url,
      username: agent,
      clientId: agent,
      password,
      connectTimeoutMs,
      signal,
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ConnectionError)) throw error;
    return {
      away: `${error.message}. The hub knows the password that "payesh-hub agent add ${agent}" showed; if it is lost, "payesh-hub agent renew ${agent}" makes another.`,
    };
  }
}
