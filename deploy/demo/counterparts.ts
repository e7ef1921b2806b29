/** Real mosquitto and InfluxDB for the demo, with the files of deploy/mosquitto and deploy/influxdb moved to its ports and folder. */
import { accessSync, constants, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Child, startChild } from './child.ts';

const deployed = (file: string) => join(import.meta.dirname, '..', file);
const startTimeoutMs = 15_000;

export async function startMosquitto(dir: string, port: number, passwordFile: string): Promise<Child> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'passwords'), passwordFile, { mode: 0o600 });
  copyFileSync(deployed('mosquitto/acl'), join(dir, 'acl'));
  const config = readFileSync(deployed('mosquitto/mosquitto.conf'), 'utf8')
    .replace(/^listener .*$/m, `listener ${port} 127.0.0.1`)
    .replaceAll('/etc/mosquitto/', '');
  // As root it would become a user who cannot read this folder.
  writeFileSync(join(dir, 'mosquitto.conf'), process.getuid?.() === 0 ? `${config}\nuser root\n` : config);
  const command = found('mosquitto', ['/usr/sbin/mosquitto']);
  const child = startChild({
    name: 'mosquitto',
    command,
    args: ['-c', 'mosquitto.conf'],
    cwd: dir,
    logFile: join(dir, 'mosquitto.log'),
  });
  await child.until(() => accepts(port), startTimeoutMs);
  return child;
}

export async function startInfluxdb(dir: string, port: number): Promise<Child> {
  mkdirSync(dir, { recursive: true });
  const config = readFileSync(deployed('influxdb/influxdb.conf'), 'utf8')
    .replace('127.0.0.1:8086', `127.0.0.1:${port}`)
    .replace('127.0.0.1:8088', '127.0.0.1:0');
  writeFileSync(join(dir, 'influxdb.conf'), config);
  const command = found('influxd', ['/usr/bin/influxd']);
  const args = ['run', '-config', 'influxdb.conf'];
  const child = startChild({ name: 'influxdb', command, args, cwd: dir, logFile: join(dir, 'influxd.log') });
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/ping`, { signal: AbortSignal.timeout(1000) })
      .then((r) => r.ok)
      .catch(() => false);
  await child.until(answers, startTimeoutMs);
  return child;
}

/** Debian keeps servers where a user's PATH does not reach. */
function found(name: string, places: readonly string[]): string {
  for (const place of [...(process.env.PATH ?? '').split(':').map((dir) => join(dir, name)), ...places]) {
    try {
      accessSync(place, constants.X_OK);
      return place;
    } catch {}
  }
  throw new Error(`${name} is not installed (on Debian: apt-get install ${name === 'influxd' ? 'influxdb' : name})`);
}

/** Whether something listens on a port of this machine. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1000);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
    socket.on('timeout', () => done(false));
  });
}
