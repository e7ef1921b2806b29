/** The server of opcua-server.ts as a process, which a test can freeze, kill and start again at the same port. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { startTestServer, type TestServer, type TestServerOptions } from './opcua-server.ts';

type Order = 'fault' | 'loseNotifications' | 'removeNode';

export interface OpcuaProcess extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  /** What `TestServer` can be told. */
  tell<K extends Order>(order: K, ...args: Parameters<TestServer[K]>): Promise<void>;
  calls(service: string): Promise<number>;
  /** SIGSTOP: its connections stay, and nothing comes. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL, until it is gone. */
  kill(): Promise<void>;
  /** At the same port, changed as said. */
  start(changes?: Partial<TestServerOptions>): Promise<void>;
}

export async function startOpcuaProcess(options: TestServerOptions): Promise<OpcuaProcess> {
  let child: ChildProcess;
  let port = options.port;
  const ask = async (message: unknown[]): Promise<unknown> => {
    child.send(message);
    const [answer] = await once(child, 'message');
    return answer;
  };
  const start = async (changes: Partial<TestServerOptions> = {}) => {
    const args = [JSON.stringify({ ...options, ...changes, port })];
    child = fork(import.meta.filename, args, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const [ready] = (await once(child, 'message')) as [{ port: number }];
    port = ready.port;
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  await start();
  return {
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    port,
    tell: async (order, ...args) => void (await ask([order, ...args])),
    calls: async (service) => (await ask(['calls', service])) as number,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    kill,
    start,
    [Symbol.asyncDispose]: kill,
  };
}

if (import.meta.main) {
  const server = await startTestServer(JSON.parse(process.argv[2]!));
  process.on('message', ([order, ...args]: [Order | 'calls', ...never[]]) => {
    process.send!((server[order] as (...args: never[]) => unknown)(...args) ?? null);
  });
  process.on('disconnect', () => process.exit());
  process.send!({ port: Number(new URL(server.endpoint).port) });
}
