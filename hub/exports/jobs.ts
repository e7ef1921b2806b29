/**
 * Export jobs: asked for, made one after the other, kept as files for a while. Their number is bounded, waiting or kept;
 * each has a folder with `job.json`, so that a restart knows them. What was under way then has failed, and says so.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TimeUs } from '../../protocols/sample.ts';
import type { AuditLog } from '../access/audit.ts';
import type { Plant } from '../plant/plant.ts';
import { inLanguage, type Said, type Words } from '../words.ts';
import { ExportRefused, type ExportRequest } from './request.ts';
import type { ExportedFile, ExportTask } from './source.ts';

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'aborted';

export interface ExportJob {
  /** 16 hex digits. */
  readonly id: string;
  readonly request: ExportRequest;
  readonly who: string;
  readonly createdAt: TimeUs;
  readonly state: JobState;
  /** 0 to 1. */
  readonly progress: number;
  /** What it is at. */
  readonly step: string;
  readonly endedAt: TimeUs | null;
  readonly error: Said | null;
  /** The one that was asked for first. */
  readonly files: readonly ExportedFile[];
}

export interface ExportJobs {
  /** @throws {TooManyExports} */
  create(request: ExportRequest, who: string): ExportJob;
  /** Newest first. */
  list(): readonly ExportJob[];
  get(id: string): ExportJob | undefined;
  /** Ends it, if it waits or runs; takes its files away, if it is done. */
  remove(id: string, who: string): void;
  /** Where a file of a job lies. */
  pathOf(job: ExportJob, file: ExportedFile): string;
  /** Makes what is asked for until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

export class TooManyExports extends Error {
  override readonly name = 'TooManyExports';
  readonly said: Words;
  constructor(said: Words) {
    super(said.en);
    this.said = said;
  }
}

/** Why an export came to no file, but for what it was refused for. */
const reasons = {
  ended: { en: 'somebody ended it', fa: 'کسی آن را پایان داد' },
  stopped: { en: 'the hub was stopped: ask again', fa: 'هاب متوقف شد: دوباره بخواهید' },
  late: { en: 'it took too long: ask for less at once', fa: 'بیش از حد طول کشید: هر بار کمتر بخواهید' },
  failed: { en: 'the hub failed; its log says why', fa: 'خطای داخلی هاب؛ علت در گزارش هاب است' },
  unwritten: {
    en: 'the hub cannot write its folder of exports: is the disk full?',
    fa: 'هاب نمی‌تواند در پوشهٔ خروجی‌ها بنویسد: آیا دیسک پر است؟',
  },
} as const satisfies Record<string, Words>;

export interface JobLimits {
  readonly waiting: number;
  readonly kept: number;
  readonly keptBytes: number;
  /** Of one job. */
  readonly timeoutMs: number;
}

const usualLimits: JobLimits = { waiting: 20, kept: 50, keptBytes: 4 * 1024 ** 3, timeoutMs: 3_600_000 };

export interface JobsOptions {
  readonly dir: string;
  readonly plants: () => readonly Plant[];
  readonly audit: AuditLog;
  readonly clock: { now(): TimeUs };
  readonly log: { error(fields: object, message: string): void };
  readonly limits?: JobLimits;
  make(task: ExportTask): Promise<ExportedFile[]>;
}

export function openExportJobs(options: JobsOptions): ExportJobs {
  const { dir, plants, audit, clock, log, make, limits = usualLimits } = options;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const jobs = new Map(readJobs(dir, clock.now()).map((job) => [job.id, job]));
  const controllers = new Map<string, AbortController>();
  let wake = () => {};

  const folder = (id: string) => join(dir, id);
  const keep = (job: ExportJob): void => {
    const file = join(folder(job.id), 'job.json');
    writeFileSync(`${file}.new`, JSON.stringify(job), { mode: 0o600 });
    renameSync(`${file}.new`, file);
    jobs.set(job.id, job);
  };
  const change = (id: string, now: Partial<ExportJob>): void => {
    const job = jobs.get(id);
    if (job) keep({ ...job, ...now });
  };
  const drop = (id: string): void => {
    jobs.delete(id);
    rmSync(folder(id), { recursive: true, force: true });
  };
  const inState = (...states: JobState[]) => [...jobs.values()].filter(({ state }) => states.includes(state));

  const makeRoom = (): void => {
    const ended = inState('done', 'failed', 'aborted').sort((a, b) => b.createdAt - a.createdAt);
    let bytes = 0;
    for (const [index, { id, files }] of ended.entries()) {
      for (const file of files) bytes += file.bytes;
      if (index >= limits.kept || (bytes > limits.keptBytes && index > 0)) drop(id);
    }
  };

  const runOne = async ({ id, request, who }: ExportJob, stop: AbortSignal): Promise<void> => {
    const controller = new AbortController();
    controllers.set(id, controller);
    const signal = AbortSignal.any([stop, controller.signal, AbortSignal.timeout(limits.timeoutMs)]);
    change(id, { state: 'running' });
    const begin = audit.append({ who, what: 'export.begin', object: request.site, details: detailsOf(id, request) });
    const end = (now: Partial<ExportJob>): void => {
      change(id, { ...now, endedAt: clock.now() });
      const files = (now.files ?? []).map(({ name, sha256 }) => ({ name, sha256 }));
      const details = {
        begin: begin.number,
        job: id,
        state: now.state!,
        files,
        ...(now.error && { why: inLanguage(now.error, 'en') }),
      };
      audit.append({ who, what: 'export.end', object: request.site, details });
    };
    try {
      const plant = plants().find(({ path }) => path === request.site);
      if (!plant) {
        throw new ExportRefused({
          en: `there is no plant model of ${request.site}`,
          fa: `برای ${request.site} مدل کارخانه‌ای نیست`,
        });
      }
      const progress = (share: number, step: string) => {
        const job = jobs.get(id);
        // For people who look: not worth a write to the disk.
        if (job) jobs.set(id, { ...job, progress: Math.min(1, Math.max(job.progress, share)), step });
      };
      const files = await make({ request, plant, dir: folder(id), who, signal, progress });
      end({ state: 'done', progress: 1, step: '', files });
    } catch (error) {
      clearFiles(folder(id));
      if (controller.signal.aborted) end({ state: 'aborted', error: reasons.ended });
      else if (stop.aborted) end({ state: 'failed', error: reasons.stopped });
      else if (error instanceof ExportRefused) end({ state: 'failed', error: error.said });
      else if (signal.aborted) end({ state: 'failed', error: reasons.late });
      else {
        log.error({ err: error, job: id }, 'an export failed');
        end({ state: 'failed', error: reasons.failed });
      }
    } finally {
      controllers.delete(id);
      makeRoom();
    }
  };

  /** Not even its note can be written: the disk is full, or somebody was in the folder. The hub goes on. */
  const giveUp = (job: ExportJob, error: unknown): void => {
    log.error({ err: error, job: job.id }, 'an export cannot be kept on disk');
    controllers.delete(job.id);
    jobs.set(job.id, { ...job, state: 'failed', endedAt: clock.now(), error: reasons.unwritten, files: [] });
  };

  return {
    create(request, who) {
      if (inState('queued', 'running').length >= limits.waiting) {
        throw new TooManyExports({
          en: `${limits.waiting} exports are waiting already: try again when some are done`,
          fa: `${limits.waiting} خروجی در صف است: وقتی چندتا تمام شد دوباره بخواهید`,
        });
      }
      const id = randomBytes(8).toString('hex');
      mkdirSync(folder(id), { mode: 0o700 });
      const job: ExportJob = {
        ...{ id, request, who, createdAt: clock.now() },
        ...{ state: 'queued', progress: 0, step: '', endedAt: null, error: null, files: [] },
      };
      keep(job);
      wake();
      return job;
    },
    list: () => [...jobs.values()].sort((a, b) => b.createdAt - a.createdAt),
    get: (id) => jobs.get(id),
    remove(id, who) {
      const job = jobs.get(id);
      if (!job) return;
      audit.append({ who, what: 'export.remove', object: job.request.site, details: { job: id, state: job.state } });
      const controller = controllers.get(id);
      if (controller) controller.abort();
      else if (job.state === 'queued') change(id, { state: 'aborted', endedAt: clock.now(), error: reasons.ended });
      else drop(id);
    },
    pathOf: (job, file) => join(folder(job.id), file.name),
    async run(signal) {
      makeRoom();
      while (!signal.aborted) {
        const next = inState('queued').sort((a, b) => a.createdAt - b.createdAt)[0];
        if (next) await runOne(next, signal).catch((error: unknown) => giveUp(next, error));
        else await untilWoken(signal);
      }
    },
  };

  function untilWoken(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    signal.addEventListener('abort', wake, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', wake));
  }
}

const detailsOf = (job: string, { template, format, month, from, to }: ExportRequest) => ({
  ...{ job, template, format },
  ...(month === undefined ? { from: from ?? null, to: to ?? null } : { month }),
});

/** All but the note of the job itself. */
function clearFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name !== 'job.json') rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** What an earlier process left; a folder without a readable note is nobody's and goes. */
function readJobs(dir: string, now: TimeUs): ExportJob[] {
  const found: ExportJob[] = [];
  for (const id of readdirSync(dir, { withFileTypes: true })) {
    if (!id.isDirectory() || !/^[0-9a-f]{16}$/.test(id.name)) continue;
    const folder = join(dir, id.name);
    try {
      const job: ExportJob = JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8'));
      if (job.state === 'running' || job.state === 'queued') {
        clearFiles(folder);
        found.push({ ...job, state: 'failed', endedAt: now, error: reasons.stopped });
      } else found.push(job);
    } catch {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return found;
}
