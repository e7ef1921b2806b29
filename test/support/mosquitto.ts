/** A real mosquitto with the real files of deploy/mosquitto, moved to a free port and a folder of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.ts';

const deployed = join(import.meta.dirname, '../../deploy/mosquitto');

export interface MosquittoOptions {
  /** Full path, from `requireOrSkip`. */
  readonly program: string;
  /** An empty folder, from `t.testdir()`. */
  readonly folder: string;
  /** Password by user name. */
  readonly users: Readonly<Record<string, string>>;
  /** Lines added to the configuration. */
  readonly extra?: string;
  /** Lines added to the access list. */
  readonly acl?: string;
}

export interface Mosquitto extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `kill`. */
  restart(): Promise<void>;
}

const startTimeoutMs = 10_000;

export async function startMosquitto({
  program,
  folder,
  users,
  extra = '',
  acl = '',
}: MosquittoOptions): Promise<Mosquitto> {
  const port = await freePort();
  const lines = Object.entries(users).map(([user, password]) => passwordLine(user, password));
  writeFileSync(join(folder, 'passwords'), lines.join(''));
  writeFileSync(join(folder, 'acl'), readFileSync(join(deployed, 'acl'), 'utf8') + acl);
  for (const file of ['passwords', 'acl']) chmodSync(join(folder, file), 0o600);
  const configuration = readFileSync(join(deployed, 'mosquitto.conf'), 'utf8')
    .replace(/^listener .*/m, `listener ${port} 127.0.0.1`)
    .replaceAll('/etc/mosquitto/', '');
  // As root it would otherwise become the user mosquitto, who cannot read the folder of the test.
  writeFileSync(join(folder, 'mosquitto.conf'), `${configuration}\nuser root\n${extra}\n`);

  const start = async () => {
    const child = spawn(program, ['-c', 'mosquitto.conf'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output = `${output}${chunk}`.slice(-4000)));
    const deadline = Date.now() + startTimeoutMs;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`mosquitto did not start:\n${output}`);
      }
      await delay(20);
    }
    return child;
  };

  let child: ChildProcess = await start();
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    get pid() {
      return child.pid!;
    },
    kill,
    async restart() {
      await kill();
      child = await start();
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** A line of a mosquitto 2 password file. */
function passwordLine(user: string, password: string): string {
  const salt = randomBytes(12);
  const hash = pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
