/** From an agent's report to what a technician reads: which problems are found, and that each has its words. */
import t, { type Test } from 'tap';
import { failureReason } from '../../edge-agent/status/failure-reason.ts';
import { findProblems } from '../../edge-agent/status/find-problems.ts';
import type { ProblemContext } from '../../edge-agent/status/problem-parts.ts';
import { type Language, problemWords } from '../../edge-agent/status/problems.ts';
import {
  type AgentReport,
  type ProblemCode,
  problemCodes,
  type SourceReport,
  type TagReport,
} from '../../edge-agent/status/report.ts';
import { flag, quality } from '../../protocols/sample.ts';

type Report = Omit<AgentReport, 'problems'>;

const secondUs = 1_000_000;
const minuteUs = 60 * secondUs;
const dayMs = 86_400_000;
const now = Date.UTC(2026, 0, 15, 8) * 1000;
const gigabyte = 1024 ** 3;

const report = (change: Partial<Report> = {}): Report => ({
  agent: 'packaging',
  site: 'aras/packaging-plant',
  version: '1.0.0',
  startedAt: now - 60 * minuteUs,
  now,
  config: { file: '/etc/payesh/agent.yaml', version: 3, hash: '', appliedAt: now - 60 * minuteUs },
  link: {
    state: 'forwarding',
    broker: 'mqtts://hub.example:8883',
    stateSince: now - 30 * minuteUs,
    backlog: 100,
    next: 10_101,
    through: 10_000,
    resentFrames: 0,
  },
  buffer: {
    bytes: 1_000_000,
    maxBytes: 2 * gigabyte,
    pendingBytes: 1_000_000,
    full: 'stop',
    frames: 1,
    replayHours: 24,
    replaySamples: 0,
    evicted: 0,
    corrupt: 0,
    quarantined: [],
    oldestAt: now,
    diskFreeBytes: 20 * gigabyte,
  },
  sources: [plc()],
  ...change,
});

const plc = (change: Partial<SourceReport> = {}): SourceReport => ({
  id: 'plc',
  kind: 'modbus',
  target: 'tcp://192.168.10.20:502',
  state: 'up',
  stateSince: now - 30 * minuteUs,
  tags: { good: 4, uncertain: 0, bad: 0, silent: 0 },
  slots: { good: 1000, bad: 0, skipped: 0 },
  lost: 0,
  clockSuspect: 0,
  notCommissioned: 0,
  ...change,
});

const server = (change: Partial<SourceReport> = {}): SourceReport =>
  plc({ id: 'server', kind: 'opcua', target: 'opc.tcp://192.168.10.41:4840', ...change });

const tag = (path: string, change: Partial<NonNullable<TagReport['latest']>> | 'silent' = {}): TagReport => ({
  id: 1,
  path,
  source: 'plc',
  type: 'float',
  unit: '',
  address: 'unit 1, holding 0, float32 ABCD',
  latest:
    change === 'silent'
      ? undefined
      : {
          ...{ time: now, value: 1, quality: quality.good, qualityName: 'Good', flags: 0, measuredAt: now },
          ...{ since: now - minuteUs, ...change },
        },
});
const badTag = (path: string, qualityName = 'BadTimeout'): TagReport =>
  tag(path, { value: null, quality: quality.badTimeout, qualityName });

const nothing: ProblemContext = { knownServers: [], waivers: [], needsRestart: [] };
const find = (change: Partial<Report>, tags: TagReport[] = [], context: Partial<ProblemContext> = {}) =>
  findProblems(report(change), tags, { ...nothing, ...context });
const link = (change: Partial<Report['link']>) => ({ link: { ...report().link, ...change } });
const buffer = (share: number, change: Partial<Report['buffer']> = {}) => ({
  buffer: { ...report().buffer, bytes: share * 2 * gigabyte, pendingBytes: share * 2 * gigabyte, ...change },
});
const earlier = (change: Partial<Report> = {}): Report => report({ now: now - 5 * minuteUs, ...change });
const inDays = (days: number) => new Date(now / 1000 + days * dayMs);
const known = {
  endpoint: server().target,
  thumbprint: 'ab'.repeat(32),
  state: 'trusted',
  notAfter: inDays(400),
} as const;
const waiver = (days: number) => ({
  source: 'server',
  reason: 'a server of 2009 without encryption',
  expires: inDays(days).toISOString().slice(0, 10),
});

/** A case of every code; the words are tried on what is found here. */
const cases: Record<ProblemCode, ReturnType<typeof find>> = {
  'buffer-regressed': find(buffer(0, { regressedAt: now - minuteUs, corrupt: 12 })),
  'buffer-damaged': find(
    buffer(0, {
      quarantined: [{ at: now - minuteUs, folder: '/var/lib/payesh', reason: 'malformed', state: 'sending' }],
    }),
  ),
  'disk-fails': find(buffer(0, { degradedSince: now - minuteUs })),
  'disk-full': find(buffer(0, { diskFullSince: now - minuteUs, diskFreeBytes: 0 })),
  'samples-evicted': find(buffer(0.995, { evicted: 500, full: 'evict' }), [], { earlier: earlier() }),
  'buffer-full': find(buffer(0.995), [], { earlier: earlier() }),
  'disk-nearly-full': find(buffer(0, { diskFreeBytes: 100 * 1024 ** 2 })),
  'buffer-nearly-full': find(buffer(0.85), [], { earlier: earlier(buffer(0.84)) }),
  'values-lost': find({ sources: [plc({ lost: 12 })] }, [], { earlier: earlier() }),
  'source-down': find({ sources: [plc({ state: 'down', error: 'connect ECONNREFUSED 192.168.10.20:502' })] }),
  'server-not-trusted': find({ sources: [server({ state: 'down' })] }, [], {
    knownServers: [{ ...known, state: 'pending' }],
  }),
  'broker-refuses': find(link({ state: 'connecting', error: 'the broker at x refuses the user packaging' })),
  quarantined: find(
    link({ state: 'greeting', error: 'the hub has put this agent in quarantine: two gateways use its name' }),
  ),
  'broker-away': find(link({ state: 'connecting', error: 'connect ETIMEDOUT' }), [], { earlier: earlier(buffer(0)) }),
  'hub-pauses': find(link({ state: 'paused' })),
  'hub-away': find(link({ state: 'waiting for hub' })),
  'config-refused': find({
    config: {
      ...report().config,
      refused: { message: 'unknown key "sorces"', path: 'agent.yaml:3:1', hint: 'Remove it.' },
    },
  }),
  'tags-bad': find({}, [badTag('a'), badTag('b'), badTag('c', 'BadOutOfRange'), tag('d')]),
  'tags-silent': find({}, [tag('a', 'silent'), tag('b')]),
  'slots-skipped': find({ sources: [plc({ slots: { good: 1950, bad: 0, skipped: 50 } })] }, [], { earlier: earlier() }),
  'backlog-grows': find(link({ backlog: 60_000 }), [], { earlier: earlier(buffer(0)) }),
  'clock-suspect': find({}, [tag('a', { flags: flag.clockSuspect }), tag('b')]),
  'certificate-expires': find({ sources: [server()] }, [], { ownCertificateNotAfter: inDays(12) }),
  'waiver-expires': find({ sources: [server()] }, [], { waivers: [waiver(12)] }),
  'config-needs-restart': find({}, [], { needsRestart: ['dataDir', 'broker.url'] }),
  'not-commissioned': find({ sources: [plc({ notCommissioned: 4 })] }),
};

t.test('an agent that is well has no problems', async (t) => {
  t.same(find({}, [tag('a'), tag('b')], { earlier: earlier(), ownCertificateNotAfter: inDays(400) }), []);
});

for (const code of problemCodes) {
  t.test(`${code} is found, and said in both languages with nothing left to fill in`, async (t) => {
    const found = cases[code];
    t.same(
      found.map((problem) => problem.code),
      [code],
    );
    for (const language of ['en', 'fa'] as const) checkWords(t, found[0]!, language);
  });
}

const persian = /\p{Script=Arabic}/u;

function checkWords(t: Test, problem: ReturnType<typeof find>[number], language: Language): void {
  const { what, means, todo } = problemWords(problem, language);
  const all = [what, means, ...todo];
  for (const text of all) {
    t.notMatch(text, /undefined|NaN|null|\[object|`|\$\{/, text);
    t.equal(text.trim(), text);
    t.ok(text.length > 8, text);
    if (language === 'fa') {
      const bare = text.replaceAll(/[\u2066\u2068][^\u2069]*\u2069/g, '');
      t.match(bare, persian, text);
      t.notMatch(bare, /[0-9]/, `Latin digits: ${text}`);
      t.notMatch(bare, /[يك]/, `Arabic letters: ${text}`);
    } else t.notMatch(text, persian, text);
  }
  t.notMatch(what, /\.$/, 'a headline has no full stop');
  t.ok(todo.length > 0, 'there is something to do');
}

t.test('the words name what to touch: target, tag, command', async (t) => {
  const [down] = cases['source-down'];
  const words = problemWords(down!, 'en');
  t.match(words.what, 'plc');
  t.match(words.todo.join('\n'), 'nothing listens at tcp://192.168.10.20:502');
  t.match(words.todo.join('\n'), '"payesh-agent doctor -c /etc/payesh/agent.yaml"');
  t.match(problemWords(down!, 'fa').what, 'اتصال به \u2066plc\u2069 برقرار نیست');
  t.match(problemWords(cases['server-not-trusted'][0]!, 'en').todo.join('\n'), 'ab'.repeat(32));
  const [bad] = cases['tags-bad'];
  t.match(bad?.details, { count: 3, total: 4, quality: 'BadTimeout', ofQuality: 2, tag: 'a' });
});

t.test('what a device says cannot break the words apart', async (t) => {
  const [problem] = find({ sources: [plc({ state: 'down', error: 'a `b` c' })] });
  t.match(problemWords(problem!, 'en').todo.at(-1), "a 'b' c");
});

t.test('every reason for which a connection fails has a remedy of its own', async (t) => {
  const errors = {
    refused: 'cannot connect to tcp://10.0.0.1:502: connect ECONNREFUSED 10.0.0.1:502',
    silent: 'unit 1 did not answer within 1000 ms',
    'no-route': 'connect EHOSTUNREACH 10.0.0.1:502',
    'unknown-name': 'getaddrinfo ENOTFOUND plc-7',
    'not-trusted': 'opc.tcp://x: the session was refused: BadSecurityChecksFailed',
    'not-offered': 'opc.tcp://x: the server does not offer sign-and-encrypt, only None',
    login: 'creating a session: BadUserAccessDenied',
    'port-missing': 'Error: No such file or directory, cannot open /dev/ttyUSB0',
    'port-denied': 'Error: Permission denied, cannot open /dev/ttyUSB0',
    'port-busy': '/dev/ttyUSB0 is in use by another program',
  };
  const told = new Set<string>();
  for (const [reason, error] of Object.entries(errors)) {
    t.equal(failureReason(error), reason);
    const [problem] = find({ sources: [plc({ state: 'down', target: 'rtu:///dev/ttyUSB0?9600,8e1', error })] });
    t.equal(problem?.details.reason, reason);
    for (const language of ['en', 'fa'] as const) {
      checkWords(t, problem!, language);
      told.add(problemWords(problem!, language).todo[0]!);
    }
  }
  t.equal(told.size, 2 * Object.keys(errors).length);
  t.equal(failureReason('whatever'), 'other');
});

t.test('a register that is Bad is advised upon in Modbus terms, a node in those of OPC UA', async (t) => {
  const ofModbus = ['BadNodeIdUnknown', 'BadTimeout', 'BadOutOfRange', 'BadDeviceFailure', 'BadNotConnected'].concat(
    'BadCommunicationError',
    'BadWaitingForInitialData',
  );
  for (const qualityName of ofModbus) {
    const [problem] = find({}, [badTag('a', qualityName), tag('b')]);
    for (const language of ['en', 'fa'] as const) {
      checkWords(t, problem!, language);
      const { todo } = problemWords(problem!, language);
      t.equal(todo.length, 3, `${qualityName} has its advice`);
      t.notMatch(todo.join('\n'), /\b(server|node|browse)\b|سرور|نود/i, `${qualityName}: ${todo[0]}`);
    }
  }
  const [node] = find({ sources: [server()] }, [{ ...badTag('a', 'BadNodeIdUnknown'), source: 'server' }]);
  t.match(problemWords(node!, 'en').todo[0], 'The server has no such node');
});

t.test('thresholds', async (t) => {
  const codes = (found: ReturnType<typeof find>) => found.map(({ code, severity }) => `${code} ${severity}`);

  t.test('a connection that is back within ten seconds is nobody’s business', async (t) => {
    const since = (seconds: number) => ({ state: 'down', stateSince: now - seconds * secondUs }) as const;
    t.same(codes(find({ sources: [plc(since(9))] })), []);
    t.same(codes(find({ sources: [plc(since(11))] })), ['source-down error']);
    t.same(codes(find(link({ state: 'connecting', stateSince: now - 9 * secondUs }))), []);
    t.same(codes(find(link({ state: 'connecting', stateSince: now - 11 * secondUs }))), ['broker-away error']);
    t.same(codes(find(link({ state: 'greeting', stateSince: now - 11 * secondUs }))), ['hub-away error']);
  });

  t.test('the buffer warns at 80 %, alarms at 95 % and is full at 99 %, but only with something in it', async (t) => {
    t.same(codes(find(buffer(0.79))), []);
    t.same(codes(find(buffer(0.81))), ['buffer-nearly-full warning']);
    t.same(codes(find(buffer(0.96))), ['buffer-nearly-full error']);
    t.same(codes(find(buffer(0.995))), ['buffer-full error']);
    t.same(codes(find({ ...buffer(0.995), ...link({ backlog: 0 }) })), []);
  });

  t.test('a buffer that gives up samples says so while it does, and is not called full beside', async (t) => {
    const full = (evicted: number) => buffer(0.995, { evicted, full: 'evict' });
    t.same(codes(find(full(500), [], { earlier: earlier(full(200)) })), ['samples-evicted error']);
    t.same(codes(find(full(500), [], { earlier: earlier(full(500)) })), ['buffer-nearly-full error']);
  });

  t.test('what happened to a buffer is told for a week', async (t) => {
    const damaged = (days: number, state: 'sending' | 'done') =>
      buffer(0, { quarantined: [{ at: now - days * 1440 * minuteUs, folder: '/f', reason: 'r', state }] });
    t.same(codes(find(damaged(6, 'done'))), ['buffer-damaged error']);
    t.same(codes(find(damaged(8, 'done'))), []);
    t.same(codes(find(damaged(8, 'sending'))), ['buffer-damaged error'], 'and as long as something is to come');
  });

  t.test('a disk that cannot hold the whole buffer is told, one that is nearly full is an error', async (t) => {
    t.same(codes(find(buffer(0.5, { diskFreeBytes: 1.1 * gigabyte }))), []);
    t.same(codes(find(buffer(0.5, { diskFreeBytes: 0.9 * gigabyte }))), ['disk-nearly-full warning']);
    t.same(codes(find(buffer(0, { diskFreeBytes: 200 * 1024 ** 2 }))), ['disk-nearly-full error']);
  });

  t.test('how long the buffer will hold is foretold from how it grew', async (t) => {
    const [full] = find({ ...buffer(0.5), ...link({ state: 'connecting' }) }, [], { earlier: earlier(buffer(0.4)) });
    t.equal(full?.details.fullInS, 25 * 60, 'a tenth in 5 minutes, five tenths left');
    const [still] = find({ ...buffer(0.5), ...link({ state: 'connecting' }) }, [], { earlier: earlier(buffer(0.5)) });
    t.equal(still?.details.fullInS, undefined);
  });

  t.test('a backlog grows only when it does so by more than a batch, while it is being sent', async (t) => {
    t.same(codes(find(link({ backlog: 4000 }), [], { earlier: earlier() })), []);
    t.same(codes(find(link({ backlog: 6000 }), [], { earlier: earlier() })), ['backlog-grows warning']);
    t.same(codes(find(link({ backlog: 6000 }))), [], 'not known before');
  });

  t.test('counts of long ago are no problem of now', async (t) => {
    const old = plc({ lost: 12, slots: { good: 1000, bad: 0, skipped: 50 } });
    t.same(codes(find({ sources: [old] }, [], { earlier: earlier({ sources: [old] }) })), []);
    const hardly = plc({ slots: { good: 2000, bad: 0, skipped: 5 } });
    t.same(codes(find({ sources: [hardly] }, [], { earlier: earlier() })), [], 'less than 1 % skipped');
  });

  t.test('a device of which nothing can be read is worse than one of which something cannot', async (t) => {
    t.same(codes(find({}, [badTag('a'), tag('b')])), ['tags-bad warning']);
    t.same(codes(find({}, [badTag('a'), badTag('b')])), ['tags-bad error']);
    t.equal(
      find({}, [badTag('a')])[0]?.since,
      now - minuteUs,
      'since it has been bad, however new its last reading is',
    );
  });

  t.test('tags may be silent for a minute and a half after their device was connected', async (t) => {
    const since = (seconds: number) => ({ sources: [plc({ stateSince: now - seconds * secondUs })] });
    t.same(codes(find(since(80), [tag('a', 'silent')])), []);
    t.same(codes(find(since(100), [tag('a', 'silent')])), ['tags-silent warning']);
  });

  t.test('certificates and waivers are told 30 days ahead, and are errors once they have ended', async (t) => {
    const opcua = { sources: [server()] };
    t.same(codes(find(opcua, [], { ownCertificateNotAfter: inDays(31) })), []);
    t.same(codes(find(opcua, [], { ownCertificateNotAfter: inDays(29) })), ['certificate-expires warning']);
    t.same(codes(find(opcua, [], { ownCertificateNotAfter: inDays(-1) })), ['certificate-expires error']);
    t.same(codes(find({}, [], { ownCertificateNotAfter: inDays(-1) })), [], 'Modbus alone needs none');
    t.same(codes(find(opcua, [], { knownServers: [{ ...known, notAfter: inDays(20) }] })), [
      'certificate-expires warning',
    ]);
    const renewed = [{ ...known, notAfter: inDays(-5) }, known];
    t.same(codes(find(opcua, [], { knownServers: renewed })), [], 'an old one beside the new one');
    t.same(codes(find(opcua, [], { waivers: [waiver(31)] })), []);
    t.same(codes(find(opcua, [], { waivers: [waiver(10)] })), ['waiver-expires warning']);
    t.same(codes(find(opcua, [], { waivers: [waiver(-1)] })), ['waiver-expires error']);
  });
});

t.test('a consequence is not told beside its cause', async (t) => {
  const away = find({ sources: [plc({ state: 'down' })] }, [badTag('a'), tag('b', 'silent')]);
  t.same(
    away.map(({ code }) => code),
    ['source-down'],
  );
  const changed = find({ sources: [server({ state: 'down', stateSince: now })] }, [], {
    knownServers: [known, { ...known, thumbprint: 'cd', state: 'pending' }],
  });
  t.match(changed, [{ code: 'server-not-trusted', subject: 'server', details: { changed: 1, thumbprint: 'cd' } }]);
  const approved = find({ sources: [server()] }, [], { knownServers: [{ ...known, state: 'pending' }] });
  t.same(approved, [], 'a server that is connected waits for nobody');
});

t.test('the worst comes first', async (t) => {
  const found = find({ ...buffer(0.995), sources: [plc({ state: 'down' }), server({ notCommissioned: 2 })] }, [], {
    ownCertificateNotAfter: inDays(5),
  });
  t.same(
    found.map(({ code }) => code),
    ['buffer-full', 'source-down', 'certificate-expires', 'not-commissioned'],
  );
});
