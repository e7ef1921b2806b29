/** What changed between two texts, line by line, with a few lines around it: the longest common subsequence of Myers. */

const around = 2;
/** Beyond so many changed lines nobody reads them one by one; and the search would take too long. */
const maxChanges = 2000;

/** Lines with `+ `, `- ` or two blanks before them; `…` where unchanged ones are left out. Empty when they are equal. */
export function lineDifference(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, now] = [before, after].map((text) => text.replace(/\n$/, '').split('\n')) as [string[], string[]];
  const lines = script(old, now);
  const shown = lines.map((line, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some((near) => !near.startsWith('  ')) ? line : undefined,
  );
  return shown.flatMap((line, i) => (line !== undefined ? [line] : shown[i - 1] === undefined && i > 0 ? [] : ['…']));
}

/** E. W. Myers, An O(ND) Difference Algorithm, 1986: the shortest list of deletions and insertions. */
function script(old: readonly string[], now: readonly string[]): string[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const steps: Map<number, number>[] = [];
  const most = Math.min(old.length + now.length, maxChanges);
  for (let d = 0; d <= most; d++) {
    steps.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && furthest.get(k - 1)! < furthest.get(k + 1)!);
      let x = down ? furthest.get(k + 1)! : furthest.get(k - 1)! + 1;
      while (x < old.length && x - k < now.length && old[x] === now[x - k]) x++;
      furthest.set(k, x);
      if (x >= old.length && x - k >= now.length) return backtrack(steps, old, now);
    }
  }
  return [...old.map((line) => `- ${line}`), ...now.map((line) => `+ ${line}`)];
}

function backtrack(steps: readonly Map<number, number>[], old: readonly string[], now: readonly string[]): string[] {
  const lines: string[] = [];
  let x = old.length;
  let y = now.length;
  for (let d = steps.length - 1; d >= 0; d--) {
    const furthest = steps[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && furthest.get(k - 1)! < furthest.get(k + 1)!);
    const fromK = down ? k + 1 : k - 1;
    const fromX = furthest.get(fromK)!;
    const fromY = fromX - fromK;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      lines.push(`  ${old[--x]!}`);
      y--;
    }
    if (d === 0) break;
    if (down) lines.push(`+ ${now[--y]!}`);
    else lines.push(`- ${old[--x]!}`);
  }
  return lines.reverse();
}
