/** What the hub says of itself that wants a person: a clock that leapt, agents in quarantine, what was set aside. */
import { join } from 'node:path';
import t from 'tap';
import { createClockWatch } from '../../hub/clock-watch.ts';
import { createWarnings } from '../../hub/warnings.ts';

const dayMs = 86_400_000;
const now = 1_790_000_000_000;

function handClocks() {
  const at = { wall: now, passed: 5000 };
  const logged: string[] = [];
  const options = {
    clock: { now: () => at.wall * 1000, speed: 1, sleep: async () => {} },
    monotonic: () => at.passed,
    log: { error: (_: object, message: string) => void logged.push(message) },
  };
  const pass = (ms: number) => {
    at.wall += ms;
    at.passed += ms;
  };
  return { at, logged, options, pass };
}

t.test(
  'a clock that leaps for a minute is logged, told with what to do, and told for a day when it is back',
  async (t) => {
    const { at, logged, options, pass } = handClocks();
    const watch = createClockWatch({ ...options, lastSettled: (now - dayMs) * 1000 });
    const look = (ms: number) => {
      pass(ms);
      watch.look();
      return watch.warnings();
    };
    t.same(look(10_000), []);
    at.wall += 800;
    t.same(look(3 * dayMs), [], 'NTP moves it a little');
    at.wall += 3320 * dayMs;
    t.match(look(10_000), [/leapt by \+3,320 days, to 20\d\d.* there still: see to NTP/]);
    t.ok(watch.astrayMs > 3319 * dayMs);
    t.match(look(60_000), [/there still/]);
    at.wall -= 3320 * dayMs;
    t.match(look(10_000), [/leapt by -3,320 days.* where it had been before/]);
    t.ok(Math.abs(watch.astrayMs) < 1000);
    t.equal(look(2 * dayMs).length, 0);
    t.equal(logged.length, 2);
  },
);

t.test('a start years after the last sample, or before it, is asked about; a simulated time is not', async (t) => {
  const { logged, options, pass } = handClocks();
  const startedAt = (lastSettledMs: number | undefined, speed = 1) =>
    createClockWatch({
      ...options,
      clock: { ...options.clock, speed },
      lastSettled: lastSettledMs === undefined ? undefined : lastSettledMs * 1000,
    });
  t.same(startedAt(undefined).warnings(), []);
  t.same(startedAt(now - 20 * dayMs).warnings(), []);
  const far = startedAt(now - 3000 * dayMs);
  t.match(far.warnings(), [/\+3,000 days from when .* if it was not switched off so long/]);
  t.match(startedAt(now + 5 * 60_000).warnings(), [/-5 minutes/]);
  t.same(startedAt(now - 3000 * dayMs, 60).warnings(), []);
  t.equal(logged.length, 2);
  pass(2 * dayMs);
  t.same(far.warnings(), []);
});

t.test('what wants a person is counted, with the command that shows it', (t) => {
  const dir = t.testdir({ damaged: { '000000001.duckdb': 'x'.repeat(2_000_000) } });
  const clockWatch = { warnings: () => ['the clock'] };
  const calm = { streams: () => [], quarantines: () => new Map() };
  const warningsOf = (ledger: object, samplesDir: string) =>
    createWarnings({
      beside: { warnings: () => ['the roll-up'] },
      clockWatch,
      ledger: { ...calm, ...ledger },
      samplesDir,
    })();
  t.same(warningsOf({}, join(dir, 'nowhere')), ['the clock', 'the roll-up']);
  const many = {
    streams: () => [{ deadLetters: 99_000 }, { deadLetters: 2000 }],
    quarantines: () => new Map([['a', 1]]),
  };
  t.match(warningsOf(many, dir), [
    'the clock',
    'the roll-up',
    /^1 agents are in quarantine: "payesh-hub quarantine list"/,
    /^101,000 samples are dead letters/,
    /^1 damaged files \(2 MB\).*payesh-hub verify/,
  ]);
  t.end();
});
