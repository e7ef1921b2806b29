/** browse, probe and trust against the real servers of the demo factory, as a technician runs them: without an agent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { noTerminal, onTerminal, payeshAgent } from './cli.ts';
import { startField } from './field.ts';

const dir = t.testdir();
const field = await startField(dir);
t.teardown(() => field[Symbol.asyncDispose]());
const run = (...args: string[]) => payeshAgent(args, { cwd: dir });
const digits = /[0-9a-f]{64}/;

await t.test(
  'a server that nobody has trusted is not browsed, and the hint names the command that trusts it',
  async (t) => {
    const { code, stdout, stderr } = await run('browse', field.opcua);
    t.equal(code, 69);
    t.equal(stdout, '');
    t.match(stderr, /^error: .*not trusted.*\n {3}at: opc\.tcp:.*\n hint: .*payesh-agent trust opc\.tcp:/);
  },
);

await t.test('trust without a terminal approves nothing by itself', async (t) => {
  const { code, stderr } = await run('trust', field.opcua);
  t.equal(code, 64);
  t.match(stderr, /application {2}urn:payesh:demo-factory:server/);
  t.match(stderr, / hint: Give it with --thumbprint/);
  const listed = JSON.parse((await run('trust', '--list', '--json')).stdout);
  t.match(listed, [{ state: 'pending', endpoint: field.opcua, thumbprint: digits }]);
});

await t.test('trust takes the thumbprint that was compared, however it is written, and no other', async (t) => {
  const [{ thumbprint }] = JSON.parse((await run('trust', '--list', '--json')).stdout);
  const wrong = await run(
    'trust',
    field.opcua,
    '--thumbprint',
    thumbprint.replace(/^./, (digit: string) => (digit === '0' ? '1' : '0')),
  );
  t.equal(wrong.code, 65);
  const spoken = thumbprint.toUpperCase().match(/.{2}/g).join(':');
  const right = await run('trust', field.opcua, '--thumbprint', spoken);
  t.equal(right.code, 0, right.stderr);
  t.match(right.stdout, /^STATE .*\ntrusted /);
});

await t.test('trust forgets by the first digits, and asks on a terminal', { skip: noTerminal }, async (t) => {
  const [{ thumbprint }] = JSON.parse((await run('trust', '--list', '--json')).stdout);
  t.match(await run('trust', '--forget', thumbprint.slice(0, 8)), { code: 0, stdout: /^forgotten: urn:payesh/ });
  t.same(JSON.parse((await run('trust', '--list', '--json')).stdout), []);
  const refused = await onTerminal(['trust', field.opcua], [['that the server itself shows', 'n']], dir);
  t.equal(refused.code, 1);
  t.match(refused.stdout, /pending/);
  const approved = await onTerminal(['trust', field.opcua], [['that the server itself shows', 'y']], dir);
  t.equal(approved.code, 0);
  t.match(approved.stdout, /trusted/);
});

await t.test('once the server is trusted', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 4;
  t.test('browse finds variables by a text, with their types, units and values', async (t) => {
    const { code, stdout, stderr } = await run('browse', field.opcua, '--filter', 'CNC-1', '--values');
    t.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    t.equal(lines.length, 9, 'a header and eight variables');
    t.match(lines[0], /^PATH +TYPE +UNIT +NODE +VALUE$/);
    t.match(stdout, /\/machining\/line-1\/cnc-1\/temperature +Double +°C +nsu=urn:payesh:demo-factory;s=\S+ +\d/);
    t.match(stderr, /^8 variables/m, 'what is not the result is on stderr');
  });

  t.test('browse takes patterns, a beginning, a limit, and prints JSON', async (t) => {
    const pattern = JSON.parse((await run('browse', field.opcua, '--filter', '**/cnc-*/state', '--json')).stdout);
    t.same(
      pattern.map(({ path }: { path: string }) => path),
      [1, 2, 3].map((n) => `/machining/line-1/cnc-${n}/state`),
    );
    const below = await run('browse', field.opcua, '--from', '/energy', '--json');
    t.equal(JSON.parse(below.stdout).length, 5);
    const limited = await run('browse', field.opcua, '--max', '3');
    t.match(limited, { code: 0, stderr: /stopped after 3 nodes/ });
  });

  t.test('browse writes a list of tags with columns of agent.yaml', async (t) => {
    const { code, stderr } = await run('browse', field.opcua, '--from', '/machining', '--csv', 'tags.csv');
    t.equal(code, 0, stderr);
    const [header, first, ...rest] = readFileSync(join(dir, 'tags.csv'), 'utf8').trimEnd().split('\n');
    t.match(header, /^path,node,type,unit/);
    t.match(
      first,
      /^machining\/line-1\/cnc-\d\/[a-z-]+,nsu=urn:payesh:demo-factory;s=machining\.line-1\.cnc-\d\.[a-z-]+,/,
    );
    t.equal(rest.length, 23);
  });

  t.test('without security a warning says what that means, on stderr', async (t) => {
    const { code, stdout, stderr } = await run('browse', field.opcua, '--security', 'none', '--filter', 'kwh');
    t.equal(code, 0, stderr);
    t.match(stderr, /^warning: --security none/);
    t.match(stdout, /energy\/main\/kwh/);
  });

  t.test('probe shows value, status and times of a node, by path and by identifier', async (t) => {
    const { code, stdout, stderr } = await run('probe', field.opcua, '/energy/main/kwh');
    t.equal(code, 0, stderr);
    t.match(stdout, /^value {7}\d/m);
    t.match(stdout, /^type {8}Double$/m);
    t.match(stdout, /^status {6}Good$/m);
    t.match(stdout, /^source time 20\d\d-.* now\)$/m);
    const byId = await run('probe', field.opcua, 'nsu=urn:payesh:demo-factory;s=energy.main.kwh', '--json');
    t.match(JSON.parse(byId.stdout), {
      overAgent: false,
      inspection: { kind: 'opcua', dataType: 'Double', status: 0 },
    });
  });

  t.test('probe says when a node is not there, and refuses a namespace by index', async (t) => {
    t.match(await run('probe', field.opcua, '/energy/main/kw'), { code: 65, stderr: /the server has no/ });
    t.match(await run('probe', field.opcua, 'ns=2;s=x'), { code: 64, stderr: /by URI/ });
  });

  t.test('probe shows registers in every decoding, the plausible first', async (t) => {
    const args = ['probe', 'modbus', field.utilities, '--unit', '10', '--table', 'input', '--address', '30003'];
    const { code, stdout, stderr } = await run(...args);
    t.equal(code, 0, stderr);
    t.match(stdout, /^asked {7}unit 10, input 2 \(as on the wire\), 2 registers$/m);
    t.match(stdout, /^words {7}[0-9A-F]{4} [0-9A-F]{4}$/m);
    const rows = stdout.slice(stdout.indexOf('FORMAT')).trimEnd().split('\n');
    t.match(rows[1], /^float32 +CDAB +\d+(\.\d+)?$/, 'what the meter means stands first');
    t.ok(rows.length > 10);
  });

  t.test('probe tells a refusal of the device from silence, and a wrong unit from a wrong address', async (t) => {
    const refused = await run(
      'probe',
      'modbus',
      field.utilities,
      '--unit',
      '10',
      '--table',
      'input',
      '--address',
      '500',
    );
    t.match(refused, { code: 1, stdout: /refused {5}exception 2: no such address/ });
    const away = await run('probe', 'modbus', 'tcp://127.0.0.1:1', '--unit', '1', '--table', 'input', '--address', '0');
    t.match(away, { code: 69, stderr: /^error: .*\n {3}at: tcp:\/\/127\.0\.0\.1:1\n hint: / });
  });

  t.test('what cannot be meant is refused with the way it is written', async (t) => {
    for (const [args, said] of [
      [['probe'], /missing required argument/],
      [['probe', 'what'], /opc\.tcp:/],
      [['probe', 'modbus', 'tcp://h', '--unit', '1'], /an address are needed/],
      [['probe', 'modbus', 'serial:x', '--unit', '1'], /cannot probe/],
      [['probe', field.opcua], /no node is named/],
      [['browse'], /no server is named/],
      [['browse', 'http://x'], /opc\.tcp:/],
      [['browse', field.opcua, '--max', 'many'], /whole number/],
      [['trust'], /no server is named/],
    ] as const) {
      const { code, stderr } = await run(...args);
      t.equal(code, 64, args.join(' '));
      t.match(stderr, /^error: .*\n {3}at: .*\n hint: .*\n$/, args.join(' '));
      t.match(stderr, said);
    }
  });

  t.test('tools keep the key and the certificates in the folder that was named, and nothing elsewhere', async (t) => {
    await run('trust', field.opcua, '--yes', '--data-dir', 'elsewhere');
    t.ok(existsSync(join(dir, 'elsewhere/opcua')));
    t.notOk(existsSync(join(dir, 'opcua')));
  });
  t.end();
});
