/** A disk that a test fills. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A file system of its own that can be filled; undefined where the machine does not allow it. */
export function smallDisk(t: Test, megabytes: number): string | undefined {
  // Not in `t.testdir()`, which is removed before the teardown could unmount it.
  const dir = mkdtempSync(join(tmpdir(), 'payesh-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir]).status === 0;
  t.teardown(() => {
    if (mounted) spawnSync('umount', ['-l', dir]);
    rmdirSync(dir);
  });
  return mounted ? dir : undefined;
}

/** Leaves so many bytes; the function it gives gives the space back. */
export function fillDisk(dir: string, leave = 0): () => void {
  const ballast = join(dir, 'ballast');
  const { bavail, bsize } = statfsSync(dir);
  spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k', `count=${Math.ceil((bavail * bsize - leave) / 4096)}`]);
  return () => rmSync(ballast);
}
