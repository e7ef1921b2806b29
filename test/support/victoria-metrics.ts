/**
 * Starts Debian's VictoriaMetrics 1.79.5 on the loopback: the only counterpart here that has InfluxDB's /api/v2/write.
 * It keeps milliseconds and floats, answers 204 to everything, and shows new samples after ten seconds or `/internal/force_flush`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { type ServerProcess, start } from './server-process.ts';

export interface VictoriaMetrics extends ServerProcess {
  readonly url: string;
}

export async function startVictoriaMetrics({ dir }: { readonly dir: string }): Promise<VictoriaMetrics> {
  mkdirSync(dir, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const server = await start({
    program: 'victoria-metrics',
    args: [`-storageDataPath=${join(dir, 'data')}`, `-httpListenAddr=${address}`, '-retentionPeriod=100y'],
    logFile: join(dir, 'victoria-metrics.log'),
    readyUrl: `http://${address}/health`,
  });
  return { ...server, url: `http://${address}` };
}
