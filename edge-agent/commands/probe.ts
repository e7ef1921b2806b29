/**
 * `payesh-agent probe`: one read. An agent that runs with this device reads it over its own session; otherwise the
 * connection is the command's own, and short. Nothing is written, and no other connection is disturbed.
 */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { Inspection, InspectRequest } from '../../protocols/inspect.ts';
import type { ModbusConnectionConfig } from '../../protocols/modbus/connection-config.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { reaching, runTool, usageError } from './command.ts';
import { inspectedByAgent } from './inspected-by-agent.ts';
import { isModbusTarget, modbusTarget } from './modbus-target.ts';
import { opcuaHint } from './opcua-hint.ts';
import { type OpcuaOptions, opcuaTarget, quietLog, withOpcuaOptions } from './opcua-options.ts';
import { type Probed, printProbed } from './probed.ts';
import { wholeNumber } from './whole-number.ts';

interface ProbeOptions extends OpcuaOptions {
  readonly index?: string;
  readonly field?: string;
  readonly unit?: number;
  readonly table?: 'coil' | 'discrete' | 'holding' | 'input';
  readonly address?: number;
  readonly addressing?: 'zero-based' | 'one-based' | 'modicon';
  readonly count: number;
  readonly json?: boolean;
}

export const probeCommand = (): Command =>
  withOpcuaOptions(
    new Command('probe')
      .description('read one value: of an OPC UA node, of Modbus registers in every decoding, or of a configured tag')
      .argument('<what...>', 'opc.tcp://host:4840 <node>, modbus tcp://host:502, or a tag path with -c agent.yaml'),
  )
    .optionsGroup('OPC UA:')
    .option('--index <n>', 'one element of an array: 3, or 1,2 of a matrix')
    .option('--field <name>', 'a field of a structure: position.x')
    .optionsGroup('Modbus:')
    .option('--unit <id>', 'unit id, also called slave address', wholeNumber(0, 255))
    .addOption(new Option('--table <table>', 'which table').choices(['coil', 'discrete', 'holding', 'input']))
    .option('--address <n>', 'first address, from 0 as on the wire, or as 40001', wholeNumber(0, 999_999))
    .addOption(
      new Option('--addressing <how>', 'how the address counts').choices(['zero-based', 'one-based', 'modicon']),
    )
    .option('--count <n>', 'registers or bits', wholeNumber(1, 125), 2)
    .optionsGroup('Options:')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  payesh-agent probe modbus tcp://192.168.10.20:502 --unit 1 --table holding --address 40001 --count 2
  payesh-agent probe opc.tcp://192.168.10.5:4840 "/Press 1/Speed"
  payesh-agent probe -c agent.yaml machining/line-1/cnc-1/state`,
    )
    .action((what: string[], options: ProbeOptions) =>
      runTool(async (terminal, signal) => {
        const [first, second, ...rest] = what[0] === 'modbus' ? what.slice(1) : what;
        if (first === undefined || rest.length > 0) throw usageError(`cannot probe "${what.join(' ')}"`, forms);
        let probed: Probed;
        if (isModbusTarget(first)) probed = await probeRegisters(first, options, terminal, signal);
        else if (first.startsWith('opc.tcp://')) probed = await probeNode(first, second, options, terminal, signal);
        else if (options.config !== undefined && second === undefined)
          probed = await probeTag(first, options, terminal, signal);
        else throw usageError(`cannot probe "${what.join(' ')}"`, forms);
        if (options.json) terminal.printJson(probed);
        else await printProbed(probed, terminal);
        if (probed.refused) process.exitCode = 1;
      }),
    );

const forms =
  'Give opc.tcp://host:4840 and a node, modbus and tcp://host:502, or -c agent.yaml and the path of a tag; see --help.';

async function probeNode(
  endpoint: string,
  node: string | undefined,
  options: ProbeOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Probed> {
  if (node === undefined) throw usageError('no node is named', '"payesh-agent browse" lists the nodes of a server.');
  const { isNode, nodeMistake } = await import('../../protocols/opcua/node.ts');
  if (!isNode(node))
    throw usageError(`"${node}" ${nodeMistake(node)}`, '"payesh-agent browse" shows nodes as they are written.');
  const target = await opcuaTarget(endpoint, options, terminal);
  const request = { kind: 'opcua', node, index: options.index, field: options.field } as const;
  const { dataDir } = target;
  return await probe({ target: endpoint, dataDir, request, hint: opcuaHint(target.config) }, terminal, signal, () =>
    readNode(target, request, signal),
  );
}

async function readNode(
  { config, dataDir, secret }: Awaited<ReturnType<typeof opcuaTarget>>,
  request: InspectRequest & { kind: 'opcua' },
  signal: AbortSignal,
): Promise<Inspection> {
  const { inspectNode } = await import('../../protocols/opcua/explore.ts');
  return await inspectNode(config, request, { dataDir, secret, log: quietLog }, signal);
}

async function readRegisters(
  connection: ModbusConnectionConfig,
  request: InspectRequest & { kind: 'modbus' },
  signal: AbortSignal,
): Promise<Inspection> {
  const { inspectRegisters } = await import('../../protocols/modbus/explore.ts');
  return await inspectRegisters(connection, request, signal);
}

async function probeRegisters(
  text: string,
  options: ProbeOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Probed> {
  const { unit, address, count } = options;
  if (unit === undefined || address === undefined) {
    throw usageError('a unit and an address are needed', 'Give --unit 1 --table holding --address 0 --count 2.');
  }
  const connection = await modbusTarget(text, options.timeout * 1000);
  const place = await placeOn(options, address);
  const [{ connectionName }, dataDir] = await Promise.all([
    import('../../protocols/modbus/connection-config.ts'),
    options.config === undefined ? resolve(options.dataDir) : dataDirOf(options.config),
  ]);
  const request = { kind: 'modbus', unit, ...place, count } as const;
  const asked = { target: connectionName(connection), dataDir, request, hint: modbusHint };
  return await probe(asked, terminal, signal, () => readRegisters(connection, request, signal));
}

const modbusHint =
  'Check the address, the port (502) and the cable; on a serial line also baud rate, parity, and that A and B are not swapped.';

const dataDirOf = async (file: string): Promise<string> => {
  const { agentOf } = await import('./agent-config.ts');
  return agentOf(file).config.dataDir;
};

/** `40001` alone is a Modicon number, since that is what stands in the manuals. */
async function placeOn({ table, addressing }: ProbeOptions, address: number) {
  const { placeOf } = await import('../../protocols/modbus/address.ts');
  const plain = placeOf({ table, address }, addressing);
  const place = 'mistake' in plain && addressing === undefined ? placeOf({ table, address }, 'modicon') : plain;
  if (!('mistake' in place)) return place;
  throw usageError(
    'mistake' in plain ? plain.mistake : place.mistake,
    'Give --table, and --addressing where the number is unclear.',
  );
}

async function probeTag(path: string, options: ProbeOptions, terminal: Terminal, signal: AbortSignal): Promise<Probed> {
  const { agentOf } = await import('./agent-config.ts');
  const { tagsOf } = await import('../acquire/sources.ts');
  const agent = agentOf(options.config!);
  for (const source of agent.config.sources) {
    const tag = tagsOf(source).find((declared) => declared.path === path);
    if (!tag) continue;
    const { dataDir } = agent.config;
    const { inspect: request } = tag;
    if (source.kind === 'opcua' && request.kind === 'opcua') {
      const { endpoint, security, user, timeoutMs } = source;
      const config = { endpoint, security, user, timeoutMs };
      const asked = { source: source.id, target: endpoint, dataDir, request, hint: opcuaHint(config) };
      const probed = await probe(asked, terminal, signal, () =>
        readNode({ config, dataDir, secret: agent.secret }, request, signal),
      );
      return { ...probed, tag: path, address: tag.address };
    }
    if (source.kind === 'modbus' && request.kind === 'modbus') {
      const { connectionName } = await import('../../protocols/modbus/connection-config.ts');
      const asked = { source: source.id, target: connectionName(source), dataDir, request, hint: modbusHint };
      const probed = await probe(asked, terminal, signal, () => readRegisters(source, request, signal));
      return { ...probed, tag: path, address: tag.address };
    }
  }
  throw usageError(`${options.config} has no tag "${path}"`, '"payesh-agent check -c agent.yaml" shows what it has.');
}

interface Asked {
  readonly source?: string;
  readonly target: string;
  readonly dataDir: string;
  readonly request: InspectRequest;
  readonly hint: string;
}

async function probe(
  { source, target, dataDir, request, hint }: Asked,
  terminal: Terminal,
  signal: AbortSignal,
  alone: () => Promise<Inspection>,
): Promise<Probed> {
  using _progress = terminal.progress(`reading from ${target}`);
  return await reaching(target, hint, async () => {
    const byAgent = await inspectedByAgent(dataDir, source ? { id: source } : { target }, request, signal);
    const inspection = byAgent ?? (await alone());
    const { decodingsOf } = await import('../../protocols/modbus/decodings.ts');
    const isRegisters = request.kind === 'modbus' && (request.table === 'holding' || request.table === 'input');
    return {
      target,
      overAgent: byAgent !== undefined,
      request,
      inspection,
      refused: inspection.kind === 'modbus' ? inspection.exception !== undefined : inspection.value === null,
      decodings:
        isRegisters && inspection.kind === 'modbus' && !inspection.exception
          ? decodingsOf(inspection.words)
          : undefined,
    };
  });
}
