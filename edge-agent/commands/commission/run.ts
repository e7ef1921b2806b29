/** One walk from its first question to the signed sheet. */
import { userInfo } from 'node:os';
import { exitCodes } from '../../../config/process.ts';
import { parseClock } from '../../../protocols/clock.ts';
import type { TagChoice } from '../../commissioning/tags.ts';
import { beginWalk, resumeWalk, type Walk } from '../../commissioning/walk.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import { usageError } from '../command.ts';
import { type HubOptions, hubOf, load } from './context.ts';
import { signWalk, tellSheet, tryPush } from './finish.ts';
import { loadReadings, walkReadings } from './from-readings.ts';
import { printRows } from './rows.ts';
import { createWalkContext, type WalkContext } from './walk-context.ts';

export interface WalkOptions extends TagChoice {
  readonly technician?: string;
  readonly role?: string;
  readonly readings?: string;
  readonly correct?: boolean;
  readonly tolerance: number;
  readonly discard?: boolean;
  readonly json?: boolean;
}

/** @throws {CommandError} usage, or no agent runs. */
export async function runWalk(
  options: WalkOptions & HubOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { readings: file, tolerance: tolerancePercent } = options;
  if (file === undefined && !terminal.isInteractive) {
    throw usageError('nobody can be asked here', 'Run it on a terminal, or give --readings file.csv.');
  }
  const loaded = load(options.config);
  const hub = hubOf(options, loaded.config);
  const clock = parseClock(process.env.PAYESH_CLOCK);
  const walk = openWalk(options, loaded.config.dataDir, clock.now());
  const context = await createWalkContext({
    ...{ terminal, signal, clock, walk, hub, loaded },
    choice: options,
    wholeSite: file !== undefined,
  });
  if (context.tags.length === 0) {
    terminal.note(options.onlyMissing ? 'All these tags are commissioned.' : 'No tag fits these options.');
    return;
  }
  if (walk.rows.length > 0) terminal.note(`going on after ${walk.rows.length} answers of ${walk.technician.name}`);
  if (file !== undefined) {
    const correct = options.correct === true;
    await walkReadings(context, loadReadings(file, context.tags), { tolerancePercent, correct });
  } else {
    const { walkWithTechnician } = await import('./interview.ts');
    const { finished } = await walkWithTechnician(context, { tolerancePercent });
    if (!finished) return terminal.note(`${walk.rows.length} answers are kept: the next walk goes on from here.`);
  }
  await finish(context, options);
}

function openWalk(options: WalkOptions, dataDir: string, now: number): Walk {
  const left = resumeWalk(dataDir);
  if (left && options.discard) left.forget();
  const name = options.technician ?? userInfo().username;
  if (!left || options.discard) return beginWalk(dataDir, { name, ...(options.role && { role: options.role }) }, now);
  if (options.technician !== undefined && left.technician.name !== options.technician) {
    throw usageError(
      `${left.technician.name} has left off a walk here, with ${left.rows.length} answers`,
      'Go on with it under that name, or throw its answers away with --discard.',
    );
  }
  return left;
}

async function finish(context: WalkContext, options: HubOptions & { readonly json?: boolean }): Promise<void> {
  const { terminal } = context;
  const rows = [...context.walk.rows];
  if (rows.length === 0) return terminal.note('Nothing was read: there is no sheet.');
  const sheets = await signWalk(context);
  if (options.json) terminal.printJson({ sheets: sheets.map(({ hash }) => hash), rows });
  else printRows(rows, terminal);
  for (const sheet of sheets) tellSheet(sheet, terminal);
  await tryPush(context, options);
  if (rows.some(({ verdict }) => verdict === 'rejected')) process.exitCode = exitCodes.problems;
}
