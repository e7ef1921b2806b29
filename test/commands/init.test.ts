/** init from an IP address to a configuration that the agent accepts: by options as scripts use it, and asked on a terminal. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import t from 'tap';
import { loadAgentFile } from '../../config/agent-file.ts';
import { type AgentConfig, agentSchema } from '../../edge-agent/config/schema.ts';
import { serve, startScriptedUdpServer, wordsReply } from '../support/modbus-faulty-server.ts';
import { openSerialPair } from '../support/serial-pair.ts';
import { ctrlC, down, enter, noTerminal, onTerminal, payeshAgent, type Step } from './cli.ts';
import { brokerPassword, startField, startTestBroker } from './field.ts';

const dir = t.testdir({
  password: `${brokerPassword}\n`,
  'wrong-password': 'guessed\n',
  'meter.csv':
    'path,table,address,format,unit,role\nmeter/power,input,2,float32,kW,p_kw\nmeter/reactive,input,4,float32,kvar,q_kvar\n',
  'broken.csv': 'path,table,address,format\nmeter/power,input,2,float32\nmeter/reactive,input,four,float32\n',
});
const field = await startField(dir);
t.teardown(() => field[Symbol.asyncDispose]());
const broker = await startTestBroker();
t.teardown(() => broker[Symbol.asyncDispose]());

const folder = (name: string): string => {
  mkdirSync(join(dir, name));
  return join(dir, name);
};
type Source = AgentConfig['sources'][number];
const load = (file: string) => loadAgentFile(file, {}, agentSchema).config;
/** Each agent logs in at the broker while others do. */
const commonOf = (agent: string) =>
  `init --agent ${agent} --site sahand/press-shop --status-port 0 --broker ${broker.url}`.split(' ');
const goodOf = (agent: string) => [...commonOf(agent), '--password-file', '../password'];
const good = goodOf('press');

await t.test('options alone give a configuration of both protocols that the agent accepts', async (t) => {
  const cwd = folder('both');
  const device = ['--modbus', field.utilities, '--unit', '10', '--tags', '../meter.csv', '--byte-order', 'CDAB'];
  const { code, stdout, stderr } = await payeshAgent(
    [...good, '--yes', '--opcua', field.opcua, '--filter', 'cnc-1', ...device],
    { cwd },
  );
  t.equal(code, 0, stderr);
  t.match(stdout, /It is checked: 2 connections, 10 tags\.\n\nNext:\n {2}payesh-agent run -c agent\.yaml/);
  t.match(stderr, /offers sign-and-encrypt/);
  t.match(stderr, /SHA-256 ([0-9A-F]{4} ?){16}/);

  const config = load(join(cwd, 'agent.yaml'));
  t.match(config, { agent: 'press', site: 'sahand/press-shop', broker: { url: broker.url } });
  const [opcua, modbus] = config.sources as [Source, Source];
  t.match(opcua, { id: 'opcua', kind: 'opcua', security: { mode: 'sign-and-encrypt' } });
  t.match(modbus, { id: 'modbus', kind: 'modbus', devices: [{ unit: 10 }] });
  const tags = opcua.kind === 'opcua' ? opcua.groups[0]!.tags : [];
  t.match(
    tags.find(({ path }) => path === 'machining/line-1/cnc-1/temperature'),
    { type: 'float', unit: '°C', node: 'nsu=urn:payesh:demo-factory;s=machining.line-1.cnc-1.temperature' },
  );
  t.match(tags.find(({ path }) => path.endsWith('/state'))?.type, 'int');
});

await t.test('the password is in a file of its own that nobody else may read, and in no other', (t) => {
  const cwd = join(dir, 'both');
  t.equal(statSync(join(cwd, 'press-password')).mode & 0o777, 0o600);
  for (const name of readdirSync(cwd).filter((name) => name !== 'data' && name !== 'press-password')) {
    t.notOk(readFileSync(join(cwd, name), 'utf8').includes(brokerPassword), name);
  }
  t.end();
});

await t.test('agent.yaml names the schema beside it, from which an editor completes', (t) => {
  const cwd = join(dir, 'both');
  t.match(readFileSync(join(cwd, 'agent.yaml'), 'utf8'), /^# yaml-language-server: \$schema=agent\.schema\.json\n/);
  t.match(JSON.parse(readFileSync(join(cwd, 'agent.schema.json'), 'utf8')).properties, { agent: {}, sources: {} });
  t.end();
});

await t.test('what is there is never replaced without being asked to', async (t) => {
  const cwd = join(dir, 'both');
  const before = readFileSync(join(cwd, 'agent.yaml'), 'utf8');
  const args = [...good, '--yes', '--opcua', field.opcua, '--filter', 'cnc-2'];
  t.match(await payeshAgent(args, { cwd }), { code: 78, stderr: /agent\.yaml: there already\n.*\n hint: .*--force/ });
  t.equal(readFileSync(join(cwd, 'agent.yaml'), 'utf8'), before);
  t.match(await payeshAgent([...args, '--force'], { cwd }), { code: 0 });
  t.match(readFileSync(join(cwd, 'opcua.csv'), 'utf8'), /cnc-2/);
});

const who: readonly Step[] = [
  ["The agent's name", `filler${enter}`],
  ['national tree', `sahand/press-shop${enter}`],
];
const noSocat = existsSync('/usr/bin/socat') ? false : 'socat is not installed';
const hostOf = (target: string): string => target.replace(/^[a-z.]+:\/\//, '');

await t.test('each in a folder of its own', (t) => {
  // They mostly wait, so they run side by side.
  t.jobs = 3;
  t.test('every answer is tried: what is wrong ends it with what to do, and nothing is written', (t) => {
    const opcua = ['--opcua', field.opcua];
    const device = ['--modbus', field.utilities, '--unit', '10'];
    const known = commonOf('wrong');
    const good = goodOf('wrong');
    t.jobs = 3;
    for (const [index, [args, exit, said]] of (
      [
        [['init', '--yes'], 64, /no answer to: .*\n.*\n hint: Give it with --agent/],
        [['init', '--yes', '--agent', 'Press 1'], 64, /small letters/],
        [[...good, '--yes'], 64, /--opcua <url> or --modbus/],
        [[...good, ...opcua], 64, /SHA-256.*\n.*\n hint: Give it with --trust/s],
        [[...good, ...opcua, '--trust', 'ab'.repeat(32)], 65, /another SHA-256/],
        [[...good, '--yes', '--opcua', 'opc.tcp://127.0.0.1:1'], 69, /nothing listens on port 1/],
        [
          [...good, '--yes', '--opcua', field.line.replace('tcp:', 'opc.tcp:')],
          69,
          /does not answer as an OPC UA server/,
        ],
        [[...good, '--yes', '--opcua', 'opc.tcp://no-such-host.invalid:4840'], 69, /not known on this network/],
        [[...good, '--yes', ...opcua, '--filter', 'nothing-of-this'], 64, /none of \d+ variables fits/],
        [[...good, '--yes', '--modbus', field.utilities, '--unit', '77', '--tags', '../meter.csv'], 69, /unit 77/],
        [[...good, '--yes', ...device, '--tags', 'absent.csv'], 64, /absent\.csv/],
        [
          [...good, '--yes', ...device, '--tags', '../broken.csv'],
          64,
          /"four" is not a number.*broken\.csv:3 column "address"/,
        ],
        [[...known, '--yes', ...opcua, '--password-file', '../wrong-password'], 69, /refuses the user wrong/],
        [[...known, '--yes', ...opcua, '--password-file', 'absent'], 78, /password file cannot be read/],
      ] as const
    ).entries()) {
      t.test(args.slice(1).join(' '), async (t) => {
        const cwd = folder(`wrong-${index}`);
        const { code, stdout, stderr } = await payeshAgent(args, { cwd });
        t.equal(code, exit, stderr);
        t.match(stderr, said);
        t.match(stderr, /\nerror: |^error: /);
        t.equal(stdout, '');
        t.same(
          readdirSync(cwd).filter((name) => name !== 'data'),
          [],
        );
      });
    }
    t.end();
  });

  t.test('without encryption only with a reason, which stands in the configuration', async (t) => {
    const cwd = folder('waiver');
    const args = [...goodOf('waiver'), '--yes', '--opcua', field.opcua, '--filter', 'cnc-1/state'];
    t.match(await payeshAgent([...args, '--waiver', 'short'], { cwd }), { code: 64 });
    const { code, stderr } = await payeshAgent([...args, '--waiver', 'the PLC is too old for certificates'], { cwd });
    t.equal(code, 0, stderr);
    t.match(load(join(cwd, 'agent.yaml')).sources[0], {
      security: { mode: 'none', waiver: { reason: 'the PLC is too old for certificates' } },
    });
  });

  t.test('a technician on a terminal is asked, corrected, and ends with the same', { skip: noTerminal }, async (t) => {
    const cwd = folder('asked');
    const { code, stdout } = await onTerminal(
      ['init', '--status-port', '0'],
      [
        ["The agent's name", `Press${enter}`],
        ['small letters', ''],
        ["The agent's name", `\u007f\u007f\u007f\u007f\u007fpress${enter}`],
        who[1]!,
        ['What is there?', enter],
        ['Address of the OPC UA server', `${hostOf(field.opcua)}${enter}`],
        ['A name for this connection', enter],
        ['How does the agent log in', enter],
        ['that the server itself shows', 'y'],
        ['Which become tags?', `${down}${enter}`],
        ['Folders', 'cnc-2'],
        [/cnc-2.*8 variables/s, `\t${enter}`],
        ['Is there more', 'y'],
        ['What else', `${down}${enter}`],
        ['Address (', `${hostOf(field.utilities)}${enter}`],
        ['A name for', enter],
        ['Unit id', `77${enter}`],
        ['unit 77', ''],
        ['Unit id', `\u007f\u007f10${enter}`],
        ['What is to be read', `${down}${enter}`],
        ['Which table', `${down}${enter}`],
        ['How many registers', enter],
        ['Address (from 0', `30003${enter}`],
        [/Which of these.*● \d[\d.]* {2}\(float32 CDAB\)/s, enter],
        ['Path of the tag', `machining/line-1/cnc-2/state${enter}`],
        ['such a tag already', ''],
        ['Path of the tag', `${'\u007f'.repeat(28)}meter/power${enter}`],
        ['Unit (', `\u007fkW${enter}`],
        ['Another register', 'n'],
        ['Another unit', 'n'],
        ['Is there more', 'n'],
        ['Address of the broker', `${hostOf(broker.url)}${enter}`],
        ['Password of agent', `guessed${enter}`],
        ['refuses the user press', ''],
        ['Password of agent', `${brokerPassword}${enter}`],
      ],
      cwd,
    );
    t.equal(code, 0, stdout);
    t.notOk(stdout.includes(brokerPassword), 'the password is not shown');
    const [opcua, modbus] = load(join(cwd, 'agent.yaml')).sources as [Source, Source];
    t.equal(opcua.kind === 'opcua' && opcua.groups[0]!.tags.length, 8);
    t.match(modbus.kind === 'modbus' && modbus.devices, [
      {
        unit: 10,
        tags: [{ path: 'meter/power', table: 'input', address: 2, format: 'float32', byteOrder: 'CDAB', unit: 'kW' }],
      },
    ]);
  });

  t.test('a wrong list is told whole, and one with addresses as 40001 in ANSI is taken', async (t) => {
    const cwd = folder('lists');
    const device = ['--modbus', field.utilities, '--unit', '10', '--tags'];
    writeFileSync(
      join(cwd, 'wrong.csv'),
      'path;table;address;format\nmeter/a;input;one;float32\nmeter/b;input;2,5;float32\n',
    );
    const wrong = await payeshAgent([...goodOf('lists'), '--yes', ...device, 'wrong.csv'], { cwd });
    t.match(wrong, {
      code: 64,
      stderr: /"one" is not a number \(wrong\.csv:2.*\n"2,5" is not a number \(wrong\.csv:3/,
    });
    const list =
      'path;table;address;format;unit\r\nmeter/power;input;30003;float32;°C\r\nmeter/old;holding;40001;uint16;\r\n';
    writeFileSync(
      join(cwd, 'old.csv'),
      Uint8Array.from([...list], (char) => char.charCodeAt(0)),
    );
    const { code, stderr } = await payeshAgent([...goodOf('lists'), '--yes', ...device, 'old.csv'], { cwd });
    t.equal(code, 0, stderr);
    t.match(stderr, /its addresses are as in older manuals/);
    t.match(stderr, /old\.csv is not in UTF-8 but in windows-1256.* modbus-1\.csv has it in UTF-8/);
    const [source] = load(join(cwd, 'agent.yaml')).sources;
    t.match(source?.kind === 'modbus' && source.devices[0]!.tags, [
      { path: 'meter/power', table: 'input', address: 2, unit: '°C' },
      { path: 'meter/old', table: 'holding', address: 0 },
    ]);
  });

  t.test(
    'what one connection lacks costs no other; a serial line and UDP are asked for as well',
    { skip: noTerminal || noSocat },
    async (t) => {
      const cwd = folder('lines');
      await using pair = await openSerialPair('socat', t.testdir());
      const port = new SerialPort({ path: pair.far, baudRate: 19_200 });
      await once(port, 'open');
      t.teardown(() => port.close());
      serve(port, 'rtu', (request, peer) => peer.write(wordsReply('rtu', request, Array(request.count).fill(5))));
      await using udp = await startScriptedUdpServer((request, peer) =>
        peer.write(wordsReply('mbap', request, Array(request.count).fill(7))),
      );
      writeFileSync(join(cwd, 'line.csv'), 'path,table,address,format\nline/speed,holding,40008,uint16\n');
      const { code, stdout } = await onTerminal(
        ['init', '--status-port', '0'],
        [
          ...who,
          ['What is there?', enter],
          ['Address of the OPC UA server', `${hostOf(field.opcua)}${enter}`],
          ['A name for this connection', enter],
          ['How does the agent log in', enter],
          ['that the server itself shows', 'n'],
          ['the server is not trusted', ''],
          ['What now?', `${down}${enter}`],
          ['What is there?', `${down}${down}${enter}`],
          ['Address (', `${'\u007f'.repeat(40)}${pair.near}?19200,8n1${enter}`],
          ['A name for', enter],
          ['Unit id', `۳${enter}`],
          ['unit 3 answers', ''],
          ['What is to be read', enter],
          ['The wiring list', `line.csv${enter}`],
          ['older manuals', ''],
          ['In which order', enter],
          ['Another unit', 'n'],
          ['Is there more', 'y'],
          ['What else', `${down}${down}${down}${down}${enter}`],
          ['Address (', `127.0.0.1:${udp.port}${enter}`],
          ['A name for', enter],
          ['Unit id', `1${enter}`],
          ['What is to be read', `${down}${enter}`],
          ['Which table', enter],
          ['How many registers', `\u001b[A${enter}`],
          ['Address (from 0', `۴۰۰۰۱${enter}`],
          ['Which of these', enter],
          ['Path of the tag', `meter/level${enter}`],
          ['Unit (', enter],
          ['Another register', 'n'],
          ['Another unit', 'n'],
          ['Is there more', 'n'],
          ['Address of the broker', `${hostOf(broker.url)}${enter}`],
          ['Password of agent', `${brokerPassword}${enter}`],
        ],
        cwd,
      );
      t.equal(code, 0, stdout);
      const [rtu, overUdp] = load(join(cwd, 'agent.yaml')).sources as [Source, Source];
      t.match(rtu, {
        transport: 'rtu',
        serial: { path: pair.near, baudRate: 19_200, parity: 'none' },
        devices: [{ unit: 3, tags: [{ path: 'line/speed', address: 7 }] }],
      });
      t.match(overUdp, {
        transport: 'udp',
        port: udp.port,
        devices: [{ unit: 1, tags: [{ path: 'meter/level', address: 0 }] }],
      });
    },
  );

  t.test('Ctrl-C in a question ends with 130, and nothing is written', { skip: noTerminal }, async (t) => {
    const cwd = folder('stopped');
    const { code, stdout } = await onTerminal(['init'], [...who, ['What is there?', ctrlC]], cwd);
    t.equal(code, 130);
    t.match(stdout, /stopped: nothing was written/);
    t.same(readdirSync(cwd), []);
  });

  t.end();
});

await t.test('names without Latin letters get a word from the technician, or a stand-in that is told', async (t) => {
  const { browsedTags, foreignNames } = await import('../../edge-agent/commands/browsed-tags.ts');
  const variable = (path: string) => ({
    path,
    node: `nsu=urn:x;s=${path}`,
    name: '',
    dataType: 'Double',
    type: 'float' as const,
    description: '',
  });
  const variables = [variable('/پرس 2/Speed (1&/min)'), variable('/پرس 2/دما'), variable('/پرس 2/speed-1-min')];
  t.same(foreignNames(variables), ['پرس 2', 'دما']);
  const { tags, standIns } = browsedTags(variables, new Map([['پرس 2', 'press-2']]));
  t.match(
    tags.map(({ path }) => path),
    ['press-2/speed-1-min', /^press-2\/n-[0-9a-f]{8}$/, 'press-2/speed-1-min-2'],
  );
  t.same([...standIns.keys()], ['دما']);
});
