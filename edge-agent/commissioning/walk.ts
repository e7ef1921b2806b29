/**
 * A walk from tag to tag that is not finished yet. Each answer is durable as soon as it is given, so a laptop that runs
 * empty costs the answer under way and no more.
 */
import type { KeyObject } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import {
  maxSheetRows,
  type Sheet,
  type SheetRow,
  type SignedSheet,
  sheetRowSchema,
  sheetSchema,
  signSheet,
} from '../../protocols/commissioning.ts';
import { ConfigError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { writeDurably } from '../config/durable-file.ts';

const walkSchema = z.strictObject({
  technician: sheetSchema.shape.technician,
  startedAt: sheetSchema.shape.startedAt,
  /** In the order of the answers; one per tag. */
  rows: z.array(sheetRowSchema),
});
type WalkState = z.infer<typeof walkSchema>;

export interface Walk {
  readonly technician: WalkState['technician'];
  readonly startedAt: TimeUs;
  readonly rows: readonly SheetRow[];
  /** Durable when it returns; an earlier answer for the same tag is replaced. */
  answer(row: SheetRow): void;
  /** Takes the last answer back and returns it; undefined when there is none. */
  undo(): SheetRow | undefined;
  /** When its sheets are kept. */
  forget(): void;
}

const fileOf = (dataDir: string): string => join(dataDir, 'commissioning', 'walk.json');

/** The walk that was left off, if one was. @throws {ConfigError} its file is damaged. */
export function resumeWalk(dataDir: string): Walk | undefined {
  const file = fileOf(dataDir);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return createWalk(file, walkSchema.parse(JSON.parse(text)));
  } catch (cause) {
    const hint = 'Move the file away to begin anew.';
    throw new ConfigError('the unfinished walk cannot be read', { path: file, hint, cause });
  }
}

export const beginWalk = (dataDir: string, technician: WalkState['technician'], startedAt: TimeUs): Walk =>
  createWalk(fileOf(dataDir), { technician, startedAt, rows: [] });

function createWalk(file: string, state: WalkState): Walk {
  const save = (rows: SheetRow[]) => {
    writeDurably(file, JSON.stringify({ ...state, rows }), 0o600);
    state.rows = rows;
  };
  return {
    technician: state.technician,
    startedAt: state.startedAt,
    get rows() {
      return state.rows;
    },
    answer: (row) => save([...state.rows.filter(({ path }) => path !== row.path), row]),
    undo() {
      const last = state.rows.at(-1);
      if (last) save(state.rows.slice(0, -1));
      return last;
    },
    forget: () => rmSync(file, { force: true }),
  };
}

/** The walk as signed sheets: more than one where it has more rows than a sheet may have. Pure. */
export function sheetsOf(
  walk: Pick<Walk, 'technician' | 'startedAt' | 'rows'>,
  about: Pick<Sheet, 'agent' | 'site' | 'agentVersion' | 'config' | 'publicKey' | 'finishedAt'>,
  privateKey: KeyObject,
): SignedSheet[] {
  const count = Math.ceil(walk.rows.length / maxSheetRows);
  return Array.from({ length: count }, (_, i) => {
    const rows = walk.rows.slice(i * maxSheetRows, (i + 1) * maxSheetRows);
    const { technician, startedAt } = walk;
    return signSheet(sheetSchema.parse({ version: 1, technician, startedAt, rows, ...about }), privateKey);
  });
}
