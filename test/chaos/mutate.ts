/** Runs every planted bug in a copy of the sources, and says which the checker caught. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Edit, type Mutant, mutants } from './mutants.ts';

export interface Verdict {
  readonly name: string;
  /** False for the sources without a bug. */
  readonly isBug: boolean;
  /** A bug was caught, and nothing was where there is none. */
  readonly isRight: boolean;
  /** What the checker said. */
  readonly said: string;
}

const repository = join(import.meta.dirname, '../..');
const secondsEach = 30;

/** The sources without a bug first: a run that is red by itself would catch everything. */
export function* runMutants(root: string, seed: number, which: string | boolean): Generator<Verdict> {
  const chosen = mutants.filter(({ name }) => typeof which !== 'string' || name.includes(which));
  for (const mutant of [...withoutBugs(chosen), ...chosen]) {
    const dir = mkdtempSync(join(root, 'mutant-'));
    try {
      copySources(dir);
      for (const { file, search, replace } of [...(mutant.harmless ?? []), ...mutant.edits]) {
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
      yield { name: mutant.name, ...judge(mutant.edits.length > 0, status, stderr) };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

/** Each kind of run with all faults, and everything harmless that is done to the sources in it. */
function withoutBugs(chosen: readonly Mutant[]): Mutant[] {
  const harmless = new Map<string, Set<Edit>>();
  for (const { run, harmless: edits = [] } of chosen) {
    const at = run.indexOf('--faults');
    const kind = run.slice(0, at < 0 ? run.length : at).join(' ');
    harmless.set(kind, new Set([...(harmless.get(kind) ?? []), ...edits]));
  }
  return [...harmless].map(([kind, edits]) => ({
    name: `no bug at all, ${kind}`,
    edits: [],
    harmless: [...edits],
    run: kind.split(' '),
  }));
}

/**
 * A bug is caught by what it does to samples. That something took too long or a process ended tells little: a busy
 * machine does that as well.
 */
function judge(isBug: boolean, status: number | null, stderr: string): Omit<Verdict, 'name'> {
  const broken = [...stderr.matchAll(/^BROKEN (.*)$/gm)].map(([, what]) => what!);
  if (status !== 0 && broken.length === 0)
    return { isBug, isRight: false, said: `no verdict: ${stderr.trim().split('\n').at(-1)}` };
  const harm = broken.filter((what) => /^(?:[a-z-]+: )?I\d+ /.test(what) && !/^(?:[a-z-]+: )?I10 /.test(what));
  const isRight = isBug ? harm.length > 0 : harm.length === 0;
  const [first = 'nothing'] = harm.length > 0 ? harm : broken;
  return { isBug, isRight, said: broken.length > 1 ? `${first} (and ${broken.length - 1} more)` : first };
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
