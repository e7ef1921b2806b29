/** The hub's disks fill up, in every step of a write: nothing is acknowledged that is not stored, and it goes on by itself. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { readinessOf } from '../../hub/readiness.ts';
import { ConnectionError } from '../../protocols/errors.ts';
import { openHubSide } from '../chaos/power-cut-hub.ts';
import { fillDisk, smallDisk } from '../support/small-disk.ts';

const kilobyte = 1024;

t.test('a full disk is named in a word by /readyz, whoever met it, and each cause once', async (t) => {
  const ofDuckdb = 'the store failed: IO Error: Could not write file "x.wal": No space left on device';
  t.same(readinessOf(['away', ofDuckdb, 'away']), { ok: false, reasons: ['away', `storage_full: ${ofDuckdb}`] });
  for (const said of ['the ledger: database or disk is full', 'InfluxDB answered 500: engine: no space left on device'])
    t.match(readinessOf([said]).reasons[0], /^storage_full: /);
  t.same(readinessOf([]), { ok: true, reasons: [] });
});

t.test('a hub that is started on a full disk asks to be started again', (t) => {
  const disk = smallDisk(t, 1);
  if (!disk) return t.end();
  const free = fillDisk(disk);
  t.throws(() => openAccess(join(disk, 'access.db')), ConnectionError, 'not a mistake of the operator');
  free();
  openAccess(join(disk, 'access.db'))[Symbol.dispose]();
  t.end();
});

for (const [whose, leaves] of [
  ['the store', [0, 40, 150, 300, 420, 700].map((size) => size * kilobyte)],
  ['the ledger', [0, 20 * kilobyte]],
] as const) {
  t.test(
    `${whose}: what a full disk held up is taken once there is space, and nothing was acknowledged before`,
    async (t) => {
      const disk = smallDisk(t, 24);
      if (!disk) return t.plan(0, 'only root can mount a small disk');
      const other = t.testdir();
      const places = whose === 'the store' ? [other, join(disk, 'samples')] : [disk, join(other, 'samples')];
      mkdirSync(join(disk, 'samples'), { recursive: true });
      let hub = await openHubSide(places[0]!, places[1]!);
      t.teardown(() => hub[Symbol.asyncDispose]());
      await hub.feed([3000]);
      for (const leave of leaves) {
        const free = fillDisk(disk, leave);
        let before = hub.through;
        let waiting = true;
        // Groups go on until one meets the full disk: in a commit, a merge of the log or at the end of a segment.
        const fed = (async () => {
          while (waiting || hub.blocked) {
            before = hub.through;
            await hub.feed([900, 900]);
          }
        })();
        while (!hub.blocked) await delay(5);
        const { through } = hub;
        t.match(readinessOf([hub.blocked!]).reasons[0], /^storage_full: /);
        t.equal(through, before, 'nothing is acknowledged meanwhile');
        waiting = false;
        free();
        await fed;
        t.ok(hub.through >= through + 1800, 'it goes on by itself');
      }
      t.equal(await hub.fault(), undefined, 'everything is stored once');
      await hub[Symbol.asyncDispose]();
      hub = await openHubSide(places[0]!, places[1]!);
      t.equal(await hub.fault(), undefined, 'also after it was opened anew');
    },
  );
}
