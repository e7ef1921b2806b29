/** Runs every planted bug in a copy of the sources, and says which the checker caught. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Mutant, mutants } from './mutants.ts';

export interface Verdict {
  readonly name: string;
  /** False for the unchanged sources. */
  readonly isBug: boolean;
  /** The checker found something broken. */
  readonly red: boolean;
  /** What it said first. */
  readonly by: string;
}

const repository = join(import.meta.dirname, '../..');
const secondsEach = 30;

/** The unchanged sources first: a run that is red without a bug would catch everything. */
export function* runMutants(root: string, seed: number, which: string | boolean): Generator<Verdict> {
  const chosen = mutants.filter(({ name }) => typeof which !== 'string' || name.includes(which));
  const stories = chosen.filter(({ run }) => run.includes('--scenario')).map(({ run }) => run.join(' '));
  const harmless = ['--store duckdb', ...new Set(stories)].map(
    (run): Mutant => ({ name: `no bug at all, ${run}`, edits: [], run: run.split(' ') }),
  );
  for (const mutant of [...harmless, ...chosen]) {
    const dir = mkdtempSync(join(root, 'mutant-'));
    try {
      copySources(dir);
      for (const { file, search, replace } of mutant.edits) {
        const source = readFileSync(join(dir, file), 'utf8');
        if (source.split(search).length !== 2) throw new Error(`${mutant.name}: not once in ${file}: ${search}`);
        writeFileSync(
          join(dir, file),
          source.replace(search, () => replace),
        );
      }
      const args = ['--seed', `${seed}`, '--seconds', `${secondsEach}`, '--drain', '20', '--json', ...mutant.run];
      const { status, stderr } = spawnSync(process.execPath, ['test/chaos/main.ts', ...args], {
        cwd: dir,
        encoding: 'utf8',
        env: { ...process.env, PAYESH_DATA: join(dir, 'var') },
      });
      const said = /^BROKEN (.*)$/m.exec(stderr)?.[1] ?? (status === 0 ? 'nothing' : stderr.trim().split('\n').at(-1)!);
      yield { name: mutant.name, isBug: mutant.edits.length > 0, red: status !== 0, by: said };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

function copySources(dir: string): void {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: repository, encoding: 'utf8' });
  for (const file of files
    .trim()
    .split('\n')
    .filter((name) => /^(protocols|edge-agent|hub|config|deploy|test)\/|^package\.json$/.test(name))) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    cpSync(join(repository, file), join(dir, file));
  }
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
}
