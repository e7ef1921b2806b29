/** Starts Debian's InfluxDB 1.6.7 on the loopback with its files in a folder of the test. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { type ServerProcess, start } from './server-process.ts';

export interface Influxd extends ServerProcess {
  readonly url: string;
  readonly port: number;
}

export interface InfluxdOptions {
  /** Started again on the same folder, it has the same data. */
  readonly dir: string;
  readonly port?: number;
  readonly auth?: boolean;
  readonly maxBodyBytes?: number;
}

export async function startInfluxd(options: InfluxdOptions): Promise<Influxd> {
  const { dir, auth = false, maxBodyBytes = 25_000_000 } = options;
  const port = options.port ?? (await freePort());
  const rpcPort = await freePort();
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = ${JSON.stringify(join(dir, 'meta'))}
[data]
dir = ${JSON.stringify(join(dir, 'data'))}
wal-dir = ${JSON.stringify(join(dir, 'wal'))}
index-version = "tsi1"
query-log-enabled = false
[monitor]
store-enabled = false
[retention]
check-interval = "10s"
[continuous_queries]
run-interval = "1s"
[http]
bind-address = "127.0.0.1:${port}"
auth-enabled = ${auth}
log-enabled = false
max-body-size = ${maxBodyBytes}
`,
  );
  const url = `http://127.0.0.1:${port}`;
  const server = await start({
    program: 'influxd',
    args: ['run', '-config', config],
    logFile: join(dir, 'influxd.log'),
    readyUrl: `${url}/ping`,
  });
  return { ...server, url, port };
}
