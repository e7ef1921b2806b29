/** Asks the agent that runs with a data folder, over its socket. */
import { request } from 'node:http';
import { ConfigError, ConnectionError, RejectedError } from '../../protocols/errors.ts';
import { openSocketPath, type SocketPath } from './socket-path.ts';

const defaultTimeoutMs = 30_000;
const maxAnswerBytes = 256 * 1024 * 1024;

/**
 * The JSON of the answer. @throws {ConnectionError} when no agent runs, or it cannot answer now (`code: conflict`).
 * @throws {ConfigError} when it refuses a configuration. @throws {RejectedError} when it refuses for another reason.
 */
export async function askAgent(
  dataDir: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  using socket = socketOf(dataDir);
  const { status, text } = await exchange(socket, { method, path, body, signal });
  const answer = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
  if (status < 300) return answer;
  const { message = `the agent answers ${status}`, hint, path: where } = (answer ?? {}) as Record<string, string>;
  if (status === 409) throw new ConnectionError(message, { code: 'conflict' });
  if (where !== undefined && hint !== undefined) throw new ConfigError(message, { path: where, hint });
  throw new RejectedError(message, { reason: String(status) });
}

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
}

function socketOf(dataDir: string): SocketPath {
  try {
    return openSocketPath(dataDir);
  } catch (cause) {
    throw awayOrDenied(dataDir, cause as NodeJS.ErrnoException);
  }
}

const awayOrDenied = (path: string, cause: NodeJS.ErrnoException): Error =>
  ['EACCES', 'EPERM'].includes(cause.code ?? '')
    ? notAllowed(path, cause)
    : new ConnectionError('no agent runs with this data folder, or it does not answer', { cause });

function exchange(
  socket: SocketPath,
  { method, path, body, signal }: Exchange,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(defaultTimeoutMs);
    const fail = (cause: Error) => {
      reject(signal?.aborted ? signal.reason : awayOrDenied(socket.shown, cause));
    };
    const ask = request(
      {
        // A connection of its own: the path of a socket may be given to another one afterwards (`/proc/self/fd`).
        agent: false,
        socketPath: socket.path,
        method,
        path,
        headers: { host: 'localhost', 'content-type': 'application/json' },
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      },
      (response) => {
        const pieces: Buffer[] = [];
        let size = 0;
        response.on('data', (piece: Buffer) => {
          size += piece.length;
          if (size > maxAnswerBytes) ask.destroy(new Error('the answer is too long'));
          else pieces.push(piece);
        });
        response.on('end', () => resolve({ status: response.statusCode!, text: Buffer.concat(pieces).toString() }));
        response.on('error', fail);
      },
    );
    ask.on('error', fail);
    ask.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const notAllowed = (path: string, cause: Error): ConfigError =>
  new ConfigError('this user may not ask the running agent', {
    path,
    hint: "Run the command as the agent's user: sudo -u payesh payesh-agent …",
    cause,
  });
