/** An export from beginning to end: asked for, watched, fetched. Ctrl-C ends it at the hub as well. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../../../protocols/errors.ts';
import { askHub, fetchFile, type HubAddress } from '../ask-hub.ts';

export interface JobJson {
  readonly id: string;
  readonly template: string;
  readonly site: string;
  readonly who: string;
  readonly created_at: string;
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'aborted';
  readonly progress: number;
  readonly step: string;
  readonly error: string | null;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly rows: number | null }[];
}

const lookEveryMs = 300;

/** @returns the job, and the files that were written. @throws {ConfigError} the hub refuses, or it cannot be made. */
export async function makeExport(
  hub: HubAddress,
  request: object,
  folder: string,
): Promise<{ readonly job: JobJson; readonly written: readonly string[] }> {
  const begun = await askHub<JobJson>(hub, '/exports', { method: 'POST', body: request });
  const path = `/exports/${begun.id}`;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const job = await watch(hub, begun, path, interrupt.signal);
    if (job.state !== 'done') {
      throw new ConfigError(`the export ${job.state === 'failed' ? 'failed' : 'was ended'}: ${job.error}`, {
        path: begun.site,
        hint: '"payesh-hub export list" shows what became of it.',
      });
    }
    const written: string[] = [];
    for (const { name } of job.files) {
      const file = join(folder, name);
      await fetchFile(hub, `${path}/file?name=${encodeURIComponent(name)}`, file);
      written.push(file);
    }
    return { job, written };
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

async function watch(hub: HubAddress, begun: JobJson, path: string, interrupted: AbortSignal): Promise<JobJson> {
  let job = begun;
  while (job.state === 'queued' || job.state === 'running') {
    await sleep(lookEveryMs, undefined, { signal: interrupted }).catch(() => {});
    if (interrupted.aborted) await askHub(hub, path, { method: 'DELETE' });
    job = await askHub<JobJson>(hub, path);
    show(job);
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return job;
}

function show({ state, progress, step }: JobJson): void {
  if (!process.stderr.isTTY) return;
  const line = state === 'queued' ? 'waits for its turn' : `${Math.round(progress * 100)} %  ${step}`;
  process.stderr.write(`\r\x1b[K${line}`);
}
