/** A walk under way: whom to ask, what to visit, and where answers are kept. */
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, exitCodes } from '../../../config/process.ts';
import type { Clock } from '../../../protocols/clock.ts';
import type { Inspection } from '../../../protocols/inspect.ts';
import { type CommissioningBook, openCommissioningBook } from '../../commissioning/book.ts';
import { declaredKey } from '../../commissioning/declared.ts';
import type { HubAccount } from '../../commissioning/hub.ts';
import { createHubLook, type HubLook, type RunningAgent } from '../../commissioning/observe.ts';
import { changedSince, type TagChoice, type WalkTag, walkTags } from '../../commissioning/tags.ts';
import type { Walk } from '../../commissioning/walk.ts';
import type { AgentReport, TagReport } from '../../status/report.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import { askRunning, type Loaded, load, needAgent } from './context.ts';

export interface WalkContext {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly book: CommissioningBook;
  readonly walk: Walk;
  readonly hub: HubAccount | undefined;
  readonly agent: RunningAgent & { reload(): Promise<void> };
  readonly look: HubLook;
  /** As of the last load: a correction changes it. */
  loaded: Loaded;
  tags: readonly WalkTag[];
  /** Reads configuration and tags again, as soon as the agent runs with the file. @throws {CommandError} it does not. */
  refresh(): Promise<void>;
  /** The tag of that path as it is now, measured by its new definition; undefined where it is gone. */
  again(path: string): Promise<WalkTag | undefined>;
  status(): Promise<AgentReport>;
}

export interface WalkContextOptions extends Pick<WalkContext, 'terminal' | 'signal' | 'clock' | 'walk' | 'hub'> {
  readonly loaded: Loaded;
  readonly choice: TagChoice;
  /** Whether the hub is asked for all tags at once: where many are visited in a moment. */
  readonly wholeSite: boolean;
}

/** Sources are stopped in order before they start anew, and the agent waits until an editor has written all. */
const takenWithinMs = 10_000;
const measuredWithinMs = 30_000;
const lookEveryMs = 250;

/** @throws {CommandError} no agent runs, or with another configuration. */
export async function createWalkContext(options: WalkContextOptions): Promise<WalkContext> {
  const { signal, hub, choice, wholeSite } = options;
  const { dataDir, agent: id, site } = options.loaded.config;
  const ask = (method: 'GET' | 'POST', path: string, body?: unknown) => askRunning(dataDir, method, path, body, signal);
  const tagReports = async (source?: string) => {
    const query = source === undefined ? '' : `?source=${encodeURIComponent(source)}`;
    return ((await ask('GET', `/api/tags${query}`)) as { tags: TagReport[] }).tags;
  };
  const context: WalkContext = {
    ...options,
    tags: [],
    book: openCommissioningBook(dataDir),
    look: createHubLook(hub, { agent: id, site }, { wholeSite }, signal),
    agent: {
      tags: tagReports,
      inspect: async (source, request) =>
        ((await ask('POST', '/api/inspect', { source, request })) as { inspection: Inspection }).inspection,
      reload: async () => void (await ask('POST', '/api/reload')),
    },
    status: async () => (await ask('GET', '/api/status')) as AgentReport,
    async again(path) {
      await context.refresh();
      const tag = context.tags.find((each) => each.path === path);
      if (tag) await measured(tag);
      return tag;
    },
    async refresh() {
      const deadline = performance.now() + takenWithinMs;
      for (;;) {
        try {
          return await look();
        } catch (error) {
          if (performance.now() > deadline) throw error;
          await delay(lookEveryMs, undefined, { signal });
        }
      }
    },
  };
  const look = async () => {
    context.loaded = load(context.loaded.file);
    const { config, file } = context.loaded;
    const reports = await needAgent(dataDir, () => tagReports());
    const changed = changedSince(reports, config);
    if (changed.length > 0) {
      throw new CommandError(`the agent does not run with this file: ${changed.slice(0, 3).join(', ')} differ`, {
        path: file,
        hint: 'Reload it (kill -HUP, or "systemctl reload payesh-agent"), and see "payesh-agent status".',
        exitCode: exitCodes.config,
      });
    }
    context.tags = walkTags(reports, config, choice);
  };
  /** A tag that is new to the agent has no value at first. */
  const measured = async (tag: WalkTag) => {
    const deadline = performance.now() + measuredWithinMs;
    while (performance.now() < deadline) {
      const report = (await tagReports(tag.source)).find(({ path }) => path === tag.path);
      if (report?.latest && declaredKey(report) === declaredKey(tag)) return;
      await delay(lookEveryMs, undefined, { signal });
    }
  };
  await look();
  return context;
}

/** Tags that have no answer in this walk yet: one that was changed since its answer is another tag. */
export const unanswered = ({ tags, walk }: WalkContext): WalkTag[] => {
  const answered = new Set(walk.rows.map(declaredKey));
  return tags.filter((tag) => !answered.has(declaredKey(tag)));
};
