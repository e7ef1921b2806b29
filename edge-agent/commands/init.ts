/**
 * `payesh-agent init`: from an IP address to an agent.yaml that runs. It asks on a terminal and takes options in a script;
 * every answer is tried at once, and nothing is written before the last one. Only the agent's own key and the servers
 * that were approved stay in the data folder when it is stopped, so that the next attempt goes on from there.
 */
import { basename, dirname, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { CommandError } from '../../config/process.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { agentIdPattern } from '../../protocols/topics.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { interviewOn, runTool, usageError } from './command.ts';
import type { InitContext, InitOptions, SourceDraft } from './init/context.ts';
import { wholeNumber } from './whole-number.ts';

const several =
  <T>(read: (text: string) => T) =>
  (text: string, before: readonly T[]): T[] => [...before, read(text)];
const asIs = (text: string): string => text;

export const initCommand = (): Command =>
  new Command('init')
    .description('ask what is there, try each answer, and write an agent.yaml that runs')
    .option('--out <file>', 'where to write it', 'agent.yaml')
    .option('--force', 'replace files that are there')
    .option('--yes', 'ask nothing; trust the certificate that is shown, take all variables')
    .option('--agent <id>', "the agent's name, which is its user name at the broker")
    .option('--site <path>', 'the plant in the national tree: eaz/sahand/machining-plant')
    .option('--data-dir <dir>', 'folder for buffer, key and trusted certificates; default: data beside agent.yaml')
    .option('--broker <url>', 'mqtt://host:1883')
    .option('--password-file <file>', "file with the agent's password at the broker")
    .option('--status-port <port>', "port of the technician's page on this computer", wholeNumber(0, 65_535), 9100)
    .optionsGroup('OPC UA server:')
    .option('--opcua <url>', 'opc.tcp://host:4840')
    .option('--trust <sha256>', "SHA-256 of the server's certificate")
    .option('--from <node>', 'browse from here instead of from the Objects folder')
    .option('--filter <text>', 'take the variables with this text in their path, or that fit a pattern with *')
    .option('--user <name>', 'user name at the server')
    .option('--user-password-file <file>', "file with that user's password")
    .option('--waiver <reason>', 'connect without encryption, for this reason')
    .option('--waiver-until <date>', 'last day on which that holds')
    .optionsGroup('Modbus devices:')
    .option(
      '--modbus <address>',
      'tcp://host:502, rtu:///dev/ttyUSB0?9600,8n1, rtu-over-tcp://host:port, udp://host:502',
    )
    .option('--unit <id>', 'unit id; may be given several times', several(wholeNumber(1, 255)), [])
    .option('--tags <file>', 'wiring list (CSV) of the unit; the n-th belongs to the n-th --unit', several(asIs), [])
    .addOption(
      new Option('--byte-order <order>', 'of 32-bit values; the n-th belongs to the n-th --unit')
        .choices(['ABCD', 'CDAB', 'BADC', 'DCBA'])
        .argParser(several(byteOrder))
        .default([]),
    )
    .addHelpText(
      'after',
      `
Examples:
  payesh-agent init
  payesh-agent init --yes --agent press --site sahand/press-shop --broker mqtt://hub --password-file password \\
    --opcua opc.tcp://192.168.10.5:4840 --filter press \\
    --modbus tcp://192.168.10.20:502 --unit 1 --tags meter.csv --byte-order CDAB`,
    )
    .action((options: InitOptions) => runTool((terminal, signal) => init(options, terminal, signal)));

function byteOrder(text: string): string {
  const known = ['ABCD', 'CDAB', 'BADC', 'DCBA'];
  if (known.includes(text)) return text;
  throw usageError(`"${text}" is no byte order`, `It must be ${known.join(', ')}.`);
}

async function init(options: InitOptions, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const out = resolve(options.out);
  const folder = dirname(out);
  const interview = interviewOn(terminal, signal, !options.yes, 'nothing was written');
  const { existing, writeFiles } = await import('./init/write-files.ts');
  await agreeToReplace(existing(folder, [basename(out)]));

  const agent = await interview.text({
    message: "The agent's name (as at the hub: payesh-hub agent add <name>)",
    option: '--agent <id>',
    given: options.agent,
    check: (text) => (agentIdPattern.test(text) ? undefined : 'It must be small letters, digits and -, 64 at most.'),
  });
  const { pathMistake } = await import('./init/registers.ts');
  const site = await interview.text({
    message: 'The plant in the national tree (eaz/sahand/machining-plant)',
    option: '--site <path>',
    given: options.site,
    check: pathMistake,
  });

  const ids = new Set<string>();
  const context: InitContext = {
    options,
    interview,
    terminal,
    signal,
    folder,
    dataDir: resolve(folder, options.dataDir ?? 'data'),
    paths: new Set(),
    ids,
    async sourceId(kind) {
      let proposal = kind;
      for (let n = 2; ids.has(proposal); n++) proposal = `${kind}-${n}`;
      const id = await interview.text({
        message: 'A name for this connection',
        option: '(none)',
        given: interview.asks ? undefined : proposal,
        otherwise: proposal,
        check: (text) => {
          if (!/^[a-z0-9_-]{1,64}$/.test(text)) return 'It must be one word of small letters, digits and -.';
          return ids.has(text) ? 'There is one of that name already.' : undefined;
        },
      });
      ids.add(id);
      return id;
    },
  };
  const sources = await askSources(context);
  const { askBroker } = await import('./init/broker.ts');
  const broker = await askBroker(agent, context);

  const [{ agentYaml }, { agentJsonSchema }] = await Promise.all([
    import('./init/agent-yaml.ts'),
    import('../config/schema.ts'),
  ]);
  const passwordFile = `${agent}-password`;
  const schemaFile = 'agent.schema.json';
  const files = [
    { name: passwordFile, text: `${broker.password}\n`, secret: true },
    { name: schemaFile, text: `${JSON.stringify(agentJsonSchema(), undefined, 2)}\n` },
    ...sources.flatMap((source) => source.files),
  ];
  await agreeToReplace(
    existing(
      folder,
      files.map(({ name }) => name),
    ).filter((name) => name !== schemaFile),
  );
  const yaml = agentYaml({
    agent,
    site,
    dataDir: context.dataDir,
    broker: broker.url,
    passwordFile: resolve(folder, passwordFile),
    statusPort: options.statusPort,
    schemaFile,
    sources,
  });
  const written = writeFiles(out, yaml, files);
  terminal.print(`Written: ${options.out}, ${files.map(({ name }) => name).join(', ')}`);
  await summarise(options.out, written, sources, terminal);

  async function agreeToReplace(names: readonly string[]): Promise<void> {
    if (names.length === 0 || options.force) return;
    const message = `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} there already. Replace?`;
    const agreed = interview.asks && (await interview.confirm({ message, option: '--force', otherwise: false }));
    if (agreed) return;
    throw new ConfigError(`${names.join(', ')}: there already`, {
      path: folder,
      hint: 'Give --force to replace it, or --out to write elsewhere. Nothing was written.',
    });
  }
}

const kinds = [
  { value: 'opcua', label: 'An OPC UA server' },
  { value: 'tcp', label: 'Modbus over TCP' },
  { value: 'rtu', label: 'Modbus on a serial line (RTU)' },
  { value: 'rtu-over-tcp', label: 'Modbus RTU through a converter (RTU over TCP)' },
  { value: 'udp', label: 'Modbus over UDP' },
] as const;

/** With options: the server and the devices that they name. Without: one after the other, until there is nothing more. */
async function askSources(context: InitContext): Promise<SourceDraft[]> {
  const { options, interview } = context;
  const { askOpcuaSource } = await import('./init/opcua-source.ts');
  const { askModbusSource } = await import('./init/modbus-source.ts');
  const sources: SourceDraft[] = [];
  if (options.opcua !== undefined) {
    const draft = await askAgain(context, () => askOpcuaSource(context));
    if (draft) sources.push(draft);
  }
  if (options.modbus !== undefined) {
    const { modbusTarget } = await import('./modbus-target.ts');
    const { transport } = await modbusTarget(options.modbus);
    const draft = await askAgain(context, () => askModbusSource(transport, context));
    if (draft) sources.push(draft);
  }
  // What the options said is about the sources that they named; the next ones are asked for in full.
  const asked = {
    ...context,
    options: { ...options, opcua: undefined, modbus: undefined, unit: [], tags: [], byteOrder: [] },
  };
  for (let more = sources.length === 0; more; ) {
    const kind = await interview.choose({
      message: sources.length === 0 ? 'What is there?' : 'What else is there?',
      option: '--opcua <url> or --modbus <address>',
      choices: kinds,
    });
    const draft = await askAgain(asked, () =>
      kind === 'opcua' ? askOpcuaSource(asked) : askModbusSource(kind, asked),
    );
    if (draft) sources.push(draft);
    if (sources.length === 0) continue;
    more = await interview.confirm({
      message: 'Is there more to connect?',
      option: '--opcua, --modbus',
      otherwise: false,
    });
  }
  return sources;
}

/**
 * What cannot be had of one connection, an approval for instance, costs neither the others nor the answers before it.
 * undefined where it is left out.
 */
async function askAgain(
  { interview, paths, ids }: InitContext,
  work: () => Promise<SourceDraft>,
): Promise<SourceDraft | undefined> {
  for (;;) {
    const before = { paths: [...paths], ids: [...ids] };
    try {
      return await work();
    } catch (error) {
      if (!interview.asks || !(error instanceof CommandError || error instanceof ConfigError)) throw error;
      paths.clear();
      for (const path of before.paths) paths.add(path);
      ids.clear();
      for (const id of before.ids) ids.add(id);
      interview.tell(`  ${error.message}`);
      interview.tell(`  ${error.hint}`);
      const next = await interview.choose({
        message: 'What now?',
        option: '(none)',
        otherwise: 'again',
        choices: [
          { value: 'again', label: 'Try this connection again' },
          { value: 'skip', label: 'Leave it out, and go on' },
          { value: 'stop', label: 'Stop: nothing is written' },
        ],
      });
      if (next === 'stop') throw error;
      if (next === 'skip') return undefined;
    }
  }
}

async function summarise(
  file: string,
  { config }: { readonly config: import('../config/schema.ts').AgentConfig },
  sources: readonly SourceDraft[],
  terminal: Terminal,
): Promise<void> {
  for (const { summary } of sources) terminal.print(`  ${summary}`);
  const { tagsOf } = await import('../acquire/sources.ts');
  const tags = config.sources.reduce((sum, source) => sum + tagsOf(source).length, 0);
  terminal.print(`It is checked: ${config.sources.length} connections, ${tags} tags.`);
  terminal.print(`
Next:
  payesh-agent run -c ${file}        start it; Ctrl-C stops it
  payesh-agent status -c ${file}     see how it is, from another terminal
  payesh-agent commission -c ${file} compare every tag with the display of its device`);
}
