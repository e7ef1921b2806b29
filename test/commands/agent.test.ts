/** The commands about a configuration and about the agent that runs with it: one agent, both protocols, real servers. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { noTerminal, onTerminal, payeshAgent, startAgent } from './cli.ts';
import { brokerPassword, startField, startTestBroker } from './field.ts';

const dir = t.testdir({
  password: `${brokerPassword}\n`,
  'meter.csv': 'path,table,address,format,unit\nmeter/power,input,2,float32,kW\nmeter/reactive,input,4,float32,kvar\n',
});
const field = await startField(dir);
t.teardown(() => field[Symbol.asyncDispose]());
const broker = await startTestBroker();
t.teardown(() => broker[Symbol.asyncDispose]());
const run = (...args: string[]) => payeshAgent(args, { cwd: dir });
const file = join(dir, 'agent.yaml');

await t.test('help shows the commands in groups and every exit code, at once', async (t) => {
  const shortest = async (start: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const started = performance.now();
      await start();
      times.push(performance.now() - started);
    }
    return Math.min(...times);
  };
  const bare = await shortest(() => promisify(execFile)(process.execPath, ['-e', '0']));
  const helpMs = await shortest(() => run('--help'));
  t.ok(helpMs < 6 * bare, `nothing large is loaded: ${helpMs.toFixed()} ms, Node alone ${bare.toFixed()}`);
  const { code, stdout } = await run('--help');
  t.equal(code, 0);
  for (const text of ['Set up:', 'Run:', 'Exit codes:', ' 64 ', ' 65 ', ' 69 ', ' 78 ', ' 130 '])
    t.ok(stdout.includes(text), text);
  for (const command of [
    'init',
    'browse',
    'probe',
    'trust',
    'import',
    'plan',
    'check',
    'run',
    'status',
    'doctor',
    'commission',
  ]) {
    t.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  }
});

await t.test('without a configuration', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 4;
  t.test('a misspelt command or option is told with the nearest one, in three lines', async (t) => {
    t.match(await run('brows'), {
      code: 64,
      stderr: /^error: unknown command 'brows'\n {3}at: payesh-agent\n hint: Did you mean browse\?\n$/,
    });
    t.match(await run('plan', '-c', file, '--sorce', 'x'), { code: 64, stderr: /hint: Did you mean --source\?/ });
    t.match(await run('plan'), { code: 64, stderr: /at: payesh-agent plan\n/ });
  });

  t.test('schema prints a JSON Schema that has the keys of agent.yaml', async (t) => {
    const { code, stdout } = await run('schema');
    t.equal(code, 0);
    t.match(JSON.parse(stdout), {
      $schema: /json-schema\.org/,
      properties: { agent: {}, site: {}, broker: {}, sources: {} },
    });
  });

  t.test('completion prints a script for each shell, and offers commands, options, choices and files', async (t) => {
    for (const shell of ['bash', 'zsh', 'fish'])
      t.match(await run('completion', shell), { code: 0, stdout: /payesh-agent/ });
    const offered = async (...words: string[]) => (await run('complete', '--', ...words)).stdout;
    t.match(await offered('pr'), /^probe\t/);
    t.match(await offered('browse', '--fi'), /^--filter\t/);
    t.match(await offered('probe', '--table', ''), /^holding\t/m);
    t.match(await offered('plan', '-c', 'met'), /^meter\.csv\t/);
    t.match(await offered('import', 'met'), /^meter\.csv\t/);

    // As somebody's .bashrc and /etc/bash_completion.d both do it; nothing else of bash-completion is there.
    writeFileSync(join(dir, 'completion.bash'), (await run('completion', 'bash')).stdout);
    const launcher = join(import.meta.dirname, '../../edge-agent/payesh-agent.mjs');
    const complete = (line: string) =>
      execFileSync(
        'bash',
        [
          '--norc',
          '-uec',
          `payesh-agent() { ${process.execPath} ${launcher} "$@"; }
           source completion.bash; source completion.bash
           COMP_LINE=$1; COMP_POINT=\${#1}; __payesh_agent_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          line,
        ],
        { cwd: dir, encoding: 'utf8' },
      );
    t.equal(complete('payesh-agent pr'), 'probe\n');
    t.equal(complete('payesh-agent plan -c met'), 'meter.csv\n');
    t.match(complete('payesh-agent status --lang '), /^fa\nen\n$/);
    complete('payesh-agent plan -c $(touch evaluated) ');
    t.notOk(existsSync(join(dir, 'evaluated')), 'what is typed is not run');
  });

  t.test('status says when no agent runs, with 69', async (t) => {
    t.match(await run('status', '--data-dir', 'data'), {
      code: 69,
      stdout: '',
      stderr: /^error: no agent runs here\n/,
    });
  });

  t.end();
});

await t.test('init makes what the rest of this file works with', async (t) => {
  const opcua = ['--opcua', field.opcua, '--filter', 'cnc-1'];
  const modbus = ['--modbus', field.utilities, '--unit', '10', '--tags', 'meter.csv', '--byte-order', 'CDAB'];
  const who = [
    '--agent',
    'press',
    '--site',
    'sahand/press-shop',
    '--broker',
    broker.url,
    '--password-file',
    'password',
  ];
  const { code, stderr } = await run('init', '--yes', '--status-port', '0', ...who, ...opcua, ...modbus);
  t.equal(code, 0, stderr);
});

await t.test('what is only read', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 4;
  t.test('colours are for terminals, and NO_COLOR is obeyed there', { skip: noTerminal }, async (t) => {
    const piped = await run('trust', '--list', '--data-dir', join(dir, 'data'));
    t.notOk(piped.stdout.includes('\u001b'));
    const plain = await onTerminal(['trust', '--list'], [], dir);
    t.notOk(plain.stdout.includes('\u001b[1m'), 'NO_COLOR');
    const coloured = await onTerminal(['trust', '--list'], [], dir, { NO_COLOR: undefined });
    t.ok(coloured.stdout.includes('\u001b[1m'), 'the header is bold');
  });

  t.test('plan shows the requests, and how much of the line they take', async (t) => {
    const { code, stdout, stderr } = await run('plan', '-c', file);
    t.equal(code, 0, stderr);
    t.match(stdout, /^modbus {2}tcp:\/\/127\.0\.0\.1:\d+$/m);
    t.match(stdout, /^ +10 +1000 ms +input +2 +4 +2 +\d+$/m, 'two tags, one request');
    t.match(stdout, /1 requests\/s, .* of every second \(\d/);
    const [plan] = JSON.parse((await run('plan', '-c', file, '--json')).stdout);
    t.match(plan, {
      source: 'modbus',
      requestsPerS: 1,
      groups: [{ unit: 10, requests: [{ address: 2, count: 4, tags: 2 }] }],
    });
  });

  t.test('plan refuses what cannot fit, with 78', async (t) => {
    mkdirSync(join(dir, 'slow'));
    cpSync(join(dir, 'meter.csv'), join(dir, 'slow/meter.csv'));
    const serial = 'transport: rtu\n    serial: { path: /dev/ttyUSB0, baudRate: 300 }';
    const text = readFileSync(file, 'utf8')
      .replace(/host: 127\.0\.0\.1\n {4}port: \d+/, serial)
      .replace('byteOrder: CDAB\n        intervalMs: 1000', 'byteOrder: CDAB\n        intervalMs: 50');
    writeFileSync(join(dir, 'slow/agent.yaml'), text.replaceAll('opcua.csv', '../opcua.csv'));
    t.match(await run('plan', '-c', 'slow/agent.yaml'), {
      code: 78,
      stderr: /needs [\d.]+ s of every second.*\n {3}at: slow\/agent\.yaml/,
    });
  });

  t.test('import names the row that is wrong, and writes nothing', async (t) => {
    const before = readFileSync(file, 'utf8');
    for (const [list, said] of [
      [
        'path,table,address,format\nmeter/power,input,2,float32\nmeter/power,input,4,float32\n',
        /new\.csv:3 column "path"/,
      ],
      ['path,table,address,format\nmeter/power,input,2,float33\n', /new\.csv:2 column "format"/],
      ['path,table,address,formt\nmeter/power,input,2,float32\n', /unknown column "formt"\n.*new\.csv:1 column/],
      ['path,table,address,format\nmeter/power,input,70000,float32\n', /new\.csv:2 column "address"/],
    ] as const) {
      writeFileSync(join(dir, 'new.csv'), list);
      t.match(await run('import', 'new.csv', '-c', file, '--source', 'modbus', '--yes'), { code: 78, stderr: said });
    }
    t.equal(readFileSync(file, 'utf8'), before);
    t.same(
      readdirSync(dir).filter((name) => name.endsWith('.new')),
      [],
    );
  });

  t.test('import reads a list that Excel saved as ANSI, and says so', async (t) => {
    const ansi = Uint8Array.from(
      [...'path,table,address,format,unit\nmeter/power,input,2,float32,°C\nmeter/reactive,input,4,float32,m³/h\n'],
      (char) => char.charCodeAt(0),
    );
    writeFileSync(join(dir, 'ansi.csv'), ansi);
    const { code, stdout, stderr } = await run('import', 'ansi.csv', '-c', file, '--source', 'modbus', '--dry-run');
    t.equal(code, 0, stderr);
    t.match(stdout, '~ meter/power: unit "kW" → "°C"\n~ meter/reactive: unit "kvar" → "m³/h"');
    t.match(stderr, /ansi\.csv is not in UTF-8 but in windows-1256/);
  });

  t.end();
});

await t.test('import shows what it changes, keeps comments, and does nothing in a dry run', async (t) => {
  const list = 'path,table,address,format,unit\nmeter/power,input,2,float32,W\nmeter/factor,input,6,int16,\n';
  writeFileSync(join(dir, 'new.csv'), list);
  const before = readFileSync(file, 'utf8');
  const dry = await run('import', 'new.csv', '-c', file, '--source', 'modbus', '--device', '10', '--dry-run');
  t.match(dry, {
    code: 0,
    stdout:
      /^\+ meter\/factor\n~ meter\/power: unit "kW" → "W"\n- meter\/reactive\n1 added, 1 changed, 1 removed, 0 unchanged\n$/,
  });
  t.equal(readFileSync(file, 'utf8'), before);
  t.match(await run('import', 'new.csv', '-c', file, '--source', 'modbus'), {
    code: 64,
    stderr: /lose 1 tags.*\n.*\n hint: Give it with --yes/,
  });
  t.match(await run('import', 'new.csv', '-c', file, '--source', 'modbus', '--yes'), {
    code: 0,
    stderr: /No agent runs with it now/,
  });
  t.equal(readFileSync(join(dir, 'meter.csv'), 'utf8'), list, 'the list that agent.yaml names is replaced');
  t.match(readFileSync(file, 'utf8'), /^# What is read\./m);
});

await t.test('import refuses a place that is not there, and says which are', async (t) => {
  const args = ['import', 'new.csv', '-c', file];
  t.match(await run(...args, '--source', 'plc'), { code: 64, stderr: /It has: opcua, modbus/ });
  t.match(await run(...args, '--source', 'modbus', '--device', '9'), { code: 64, stderr: /It has the units 10/ });
  t.match(await run(...args, '--source', 'opcua', '--group', '2'), { code: 64, stderr: /no group 2/ });
});

await t.test('while an agent runs', async (t) => {
  const agent = startAgent(['run', '-c', file, '--drain-ms', '500'], dir);
  t.teardown(() => agent.stop());
  let report = await run('status', '-c', file, '--json');
  for (let waited = 0; waited < 30 && !/"state": "up".*"state": "up"/s.test(report.stdout); waited++) {
    await delay(500);
    report = await run('status', '-c', file, '--json');
  }

  await t.test(
    'status shows link, buffer, sources and problems with what to do, and 1 while there are some',
    async (t) => {
      t.match(JSON.parse(report.stdout), {
        agent: 'press',
        sources: [
          { id: 'opcua', state: 'up' },
          { id: 'modbus', state: 'up' },
        ],
      });
      const { code, stdout } = await run('status', '-c', file);
      t.equal(code, 1, 'this broker has no hub behind it');
      t.match(stdout, /^press · Agent of sahand\/press-shop, version /);
      t.match(stdout, /^Buffer: [\d,]+ samples? waits?, .* of 2\.15\sGB on disk/m);
      t.match(stdout, /^opcua +Connected +/m);
      t.match(stdout, /^(Now|Soon): .*\n {3}.*\n {3}1\. /m);
      const persian = (await run('status', '-c', file, '--lang', 'fa')).stdout;
      t.match(persian, /^\u2066press\u2069 · عاملِ \u2066sahand\/press-shop\u2069، نسخهٔ /);
      t.match(persian, /^بافر: [۰-۹٬]+ نمونه در انتظار ارسال، /m);
      t.match(persian, /^\u2066opcua\u2069 +متصل +/m);
      t.match(persian, /^(فوری|به‌زودی): .*\n {3}.*\n {3}۱\. /m);
    },
  );

  await t.test('probe asks it instead of connecting a second time', async (t) => {
    const tag = await run('probe', '-c', file, 'meter/power', '--json');
    t.equal(tag.code, 0, tag.stderr);
    t.match(JSON.parse(tag.stdout), {
      tag: 'meter/power',
      overAgent: true,
      inspection: { kind: 'modbus', words: [Number, Number] },
    });
    const node = await run('probe', '-c', file, 'machining/line-1/cnc-1/state');
    t.match(node, { code: 0, stdout: /over the session of the running agent\nvalue {7}\d+\n/ });
    const register = ['probe', 'modbus', field.utilities, '--unit', '10', '--table', 'input', '--address', '4'];
    t.match(JSON.parse((await run(...register, '-c', file, '--json')).stdout), { overAgent: true });
  });

  await t.test('init does not log in as it, and import has it take the new list', async (t) => {
    const again = [
      'init',
      '--force',
      '--yes',
      '--out',
      'agent.yaml',
      '--agent',
      'press',
      '--site',
      'sahand/press-shop',
    ];
    const rest = ['--status-port', '0', '--broker', broker.url, '--password-file', 'password', '--opcua', field.opcua];
    const { code, stderr } = await run(
      ...again,
      ...rest,
      '--filter',
      'cnc-1',
      '--modbus',
      field.utilities,
      '--unit',
      '10',
      '--tags',
      'meter.csv',
    );
    t.equal(code, 0, stderr);
    t.match(stderr, /the login is not tried/);
    writeFileSync(join(dir, 'new.csv'), 'path,table,address,format,unit\nmeter/power,input,2,float32,kW\n');
    t.match(await run('import', 'new.csv', '-c', file, '--source', 'modbus', '--yes'), {
      code: 0,
      stderr: /The running agent has taken version \d+/,
    });
  });

  t.equal(await agent.stop(), 0, agent.output());
});

await t.test('when the agent has ended', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 4;
  t.test('without an agent the same probe goes over a connection of its own', async (t) => {
    const { stdout } = await run('probe', '-c', file, 'meter/power', '--json');
    t.match(JSON.parse(stdout), { overAgent: false, inspection: { words: [Number, Number] } });
    t.match(await run('probe', '-c', file, 'meter/nothing'), { code: 64, stderr: /has no tag "meter\/nothing"/ });
  });

  t.test('browse and trust take the settings of a source', async (t) => {
    const browsed = await run('browse', '-c', file, '--source', 'opcua', '--filter', 'kwh');
    t.match(browsed, { code: 0, stdout: /energy\/main\/kwh/ });
    t.match(await run('trust', '-c', file), { code: 0, stdout: /^STATE .*\ntrusted / });
    t.match(await run('browse', '-c', file, '--source', 'modbus'), { code: 64, stderr: /no such OPC UA source/ });
  });

  t.end();
});

await t.test('tables are as wide as what is seen, and nothing of a device moves the cursor', async (t) => {
  const { tableLines } = await import('../../edge-agent/terminal/table.ts');
  const { createFormat } = await import('../../edge-agent/status/page/format.js');
  const lines = tableLines(
    [{ title: 'A' }, { title: 'N', align: 'right' }],
    [
      ['\u001b[31mred\u001b[39m', 5],
      ['x\u001b[2Jy\n', 10],
      ['\u2066a\u200cb\u2069', 7],
      [undefined, undefined],
    ],
  );
  t.same(lines, [
    'A         N',
    '\u001b[31mred\u001b[39m       5',
    'x [2Jy   10',
    '\u2066a\u200cb\u2069        7',
    '-         -',
  ]);
  const f = createFormat('en');
  t.same([0, 999, 1500, 2e9, 2 ** 31].map(f.bytes), [
    '0\u00a0B',
    '999\u00a0B',
    '1.5\u00a0kB',
    '2\u00a0GB',
    '2.15\u00a0GB',
  ]);
});
