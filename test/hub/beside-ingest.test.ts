/** What may fail while samples are taken: it is told, and tried again at growing distances. */
import t from 'tap';
import { createBesideIngest } from '../../hub/beside-ingest.ts';
import type { Clock } from '../../protocols/clock.ts';

t.test('work that fails is told and begun anew, ever later, and never ends what it runs beside', async (t) => {
  const stop = new AbortController();
  const slept: number[] = [];
  const told: object[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    sleep: async (ms: number) => void slept.push(ms),
  } as unknown as Clock;
  const beside = createBesideIngest({ clock, log: { error: (fields) => void told.push(fields) } });
  let runs = 0;
  const reports = async () => {
    runs += 1;
    if (runs === 11) now += 3600e6;
    if (runs === 12) stop.abort();
    throw new Error('ENOSPC: no space left on device');
  };
  await beside.run('reports', reports, stop.signal);
  t.same(
    slept,
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 1].map((s) => s * 1000),
    'a good hour makes it quick again',
  );
  t.equal(told.length, 11, 'the end is no failure');
  t.match(told[0], { work: 'reports', alarm: 'WORK_FAILED', err: /ENOSPC/ });
  t.match(beside.warnings(), [/^reports failed .*ENOSPC/]);
  now += 3600e6;
  t.same(beside.warnings(), [], 'when it has gone well for a while, nobody is bothered');
});

t.test('work that ends by itself is not begun anew', async (t) => {
  const clock = { now: () => 0 } as unknown as Clock;
  const beside = createBesideIngest({ clock, log: { error: () => t.fail() } });
  let runs = 0;
  await beside.run('exports', async () => void runs++, new AbortController().signal);
  t.equal(runs, 1);
});
