/** What a broker's refusal means to whoever reads the log: reason codes of MQTT 3.1.1 §3.2.2.3 and MQTT 5 §2.4 in plain words. */
import { ConnectionError } from '../errors.ts';

/** The broker speaks another version of MQTT: MQTT 3.1.1 code 1, MQTT 5 code 132. */
const versionCodes = [1, 132];
const credentialCodes = [4, 5, 134, 135];
const clientIdCodes = [2, 133];
const takenOver = 142;
const tooLarge = 149;
const notAuthorized = 135;

interface Reason {
  readonly code?: unknown;
  readonly message?: string;
}

/** A ConnectionError in plain words; `error` undefined: closed without a word. */
export function refusal(error: Reason | undefined, url: string, username: string): ConnectionError {
  if (error instanceof ConnectionError) return error;
  return new ConnectionError(describe(error, new URL(url).host, username), { cause: error });
}

function describe(error: Reason | undefined, broker: string, username: string): string {
  const code = error?.code;
  if (error === undefined) return `the broker at ${broker} closed the connection without an answer`;
  if (typeof code !== 'number') return `the connection to the broker at ${broker} failed: ${error.message || code}`;
  if (credentialCodes.includes(code)) {
    return `the broker at ${broker} refuses the user ${username}: wrong password, or no right to this topic`;
  }
  if (clientIdCodes.includes(code)) return `the broker at ${broker} refuses the client id of ${username}`;
  if (code === tooLarge)
    return `the broker at ${broker} takes no packet so large: raise its limit to 512 KiB (deploy/mosquitto)`;
  if (code === takenOver) return `a second connection of ${username} took this one over`;
  return `the broker at ${broker} refuses with code ${code}${error.message ? `: ${error.message}` : ''}`;
}

/** Why a publish or a subscription was not let through: MQTT 5 says it, 3.1.1 of subscriptions only, and without a reason. */
export function denial(error: Reason, what: string, username: string): ConnectionError {
  const { code, message } = error;
  const why =
    code === notAuthorized
      ? `Not authorized: ${username} has no right to it in the broker's access list`
      : code === tooLarge
        ? 'the packet is larger than the broker takes'
        : message;
  return new ConnectionError(`the broker denies ${what}: ${why}`, { cause: error });
}

/** There was no broker: nothing is said of what it speaks. */
export const isUnanswered = (error: unknown): boolean =>
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENETDOWN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/.test(
    String((error as { cause?: Reason }).cause?.code),
  );

/** Some brokers (RabbitMQ 3.10) close the connection instead of naming the version as the reason. */
export function isVersionRefusal(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) return false;
  const { cause } = error as { cause?: Reason };
  return cause === undefined || versionCodes.includes(cause.code as number);
}
