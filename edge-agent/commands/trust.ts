/** `payesh-agent trust`: which OPC UA servers this agent believes, by the SHA-256 of their certificates. */
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../../config/process.ts';
import { RejectedError } from '../../protocols/errors.ts';
import type { KnownServer, TrustList } from '../../protocols/opcua/trust.ts';
import { plain } from '../terminal/plain.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { interviewOn, reaching, runTool, usageError } from './command.ts';
import { configOption, dataDirOption, sourceOption } from './opcua-options.ts';
import { grouped, sameThumbprint } from './thumbprint.ts';

interface TrustOptions {
  readonly config?: string;
  readonly source?: string;
  readonly dataDir: string;
  readonly thumbprint?: string;
  readonly list?: boolean;
  readonly forget?: string;
  readonly renewOwn?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const timeoutMs = 10_000;

export const trustCommand = (): Command =>
  new Command('trust')
    .description('show, approve or forget the certificates of OPC UA servers')
    .argument('[server]', 'opc.tcp://host:4840, or the SHA-256 of a certificate that was seen')
    .addOption(configOption())
    .addOption(sourceOption())
    .addOption(dataDirOption())
    .option('--thumbprint <sha256>', 'approve the certificate with this SHA-256, without asking')
    .option('--list', 'only show what is trusted and what waits')
    .option('--forget <sha256>', 'trust this certificate no more; its first digits will do')
    .option('--renew-own', "make a new certificate for this agent's own key; servers must trust it then")
    .option('--yes', 'approve what is shown without asking')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Compare the SHA-256 with what the server's own panel or software shows: a certificate that somebody else sent looks alike.

Examples:
  payesh-agent trust -c agent.yaml
  payesh-agent trust -c agent.yaml --forget 3f2a`,
    )
    .action((server: string | undefined, given: TrustOptions) =>
      runTool(async (terminal, signal) => {
        const isThumbprint = server !== undefined && /^[0-9a-f: ]{64,}$/i.test(server);
        const endpoint = isThumbprint ? undefined : server;
        const options = isThumbprint ? { ...given, thumbprint: server } : given;
        const { openTrustList } = await import('../../protocols/opcua/trust.ts');
        const { dataDir, endpoints } = await placeOf(endpoint, options);
        if (options.renewOwn) return await renewOwn(dataDir, terminal);
        const list = openTrustList(dataDir);
        if (options.forget !== undefined) {
          const { thumbprint, applicationUri } = oneOf(list.list(), options.forget);
          list.forget(thumbprint);
          terminal.print(`forgotten: ${plain(applicationUri)}, SHA-256 ${grouped(thumbprint)}`);
          return;
        }
        if (!options.list) await fetchPresent(list, endpoints, dataDir, terminal, signal);
        const ours = (server: KnownServer) => endpoints.length === 0 || endpoints.includes(server.endpoint);
        if (!options.list) await approve(list, list.list().filter(ours), options, terminal, signal);
        show(list.list(), options, terminal);
      }),
    );

async function renewOwn(dataDir: string, terminal: Terminal): Promise<void> {
  const { renewOwnCertificate } = await import('../../protocols/opcua/certificate.ts');
  const { kept, notAfter } = await renewOwnCertificate(dataDir);
  terminal.print(`renewed: valid until ${notAfter.toISOString().slice(0, 10)}; the old one is kept in ${kept}`);
  terminal.note(
    'Servers that trust agents one by one must trust the new certificate. A running agent uses it from its next start.',
  );
}

/** Where the trust list is, and which servers it is about: none named means all that are known. */
async function placeOf(
  endpoint: string | undefined,
  { config, source, dataDir, list, forget, thumbprint, renewOwn }: TrustOptions,
): Promise<{ dataDir: string; endpoints: string[] }> {
  if (config === undefined) {
    if (endpoint === undefined && !list && !renewOwn && forget === undefined && thumbprint === undefined) {
      throw usageError('no server is named', 'Give -c agent.yaml, or an endpoint: opc.tcp://host:4840.');
    }
    return { dataDir: resolve(dataDir), endpoints: endpoint === undefined ? [] : [endpoint] };
  }
  const { agentOf, opcuaSourcesOf } = await import('./agent-config.ts');
  const agent = agentOf(config);
  const endpoints = opcuaSourcesOf(agent, source)
    .filter(({ security }) => security.mode !== 'none')
    .map((entry) => entry.endpoint)
    .filter((known) => endpoint === undefined || known === endpoint);
  return { dataDir: agent.config.dataDir, endpoints };
}

/** Where nothing waits for a decision, the servers are asked which certificates they have now. */
async function fetchPresent(
  list: TrustList,
  endpoints: readonly string[],
  dataDir: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const known = list.list();
  for (const endpoint of endpoints) {
    const states = known.filter((server) => server.endpoint === endpoint).map(({ state }) => state);
    if (states.includes('pending')) continue;
    using _progress = terminal.progress(`asking ${endpoint} for its certificate`);
    const hint = 'Check the address and port, and that the server is on. "payesh-agent doctor" tests each step.';
    const { listOffers } = await import('../../protocols/opcua/explore.ts');
    try {
      const ask = () => listOffers(endpoint, { timeoutMs, dataDir }, signal);
      const { identity } = await reaching(endpoint, hint, ask);
      if (identity) list.keepPending(identity, endpoint);
      else terminal.warn(`${endpoint} has no certificate: it offers no encryption.`);
    } catch (error) {
      // What was trusted before can be shown all the same.
      if (!states.includes('trusted') || signal.aborted || !(error instanceof CommandError)) throw error;
      terminal.warn(`${endpoint} cannot be asked for its certificate: ${error.message}`);
    }
  }
}

async function approve(
  list: TrustList,
  servers: readonly KnownServer[],
  { thumbprint, yes }: TrustOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const by = userInfo().username;
  if (thumbprint !== undefined) {
    list.trust(oneOf(servers, thumbprint, true).thumbprint, by);
    return;
  }
  const interview = interviewOn(terminal, signal, true, 'nothing was approved');
  for (const server of servers.filter(({ state }) => state === 'pending')) {
    for (const line of describe(server)) terminal.note(line);
    const approved = await interview.confirm({
      message: 'Is this the SHA-256 that the server itself shows?',
      option: '--thumbprint <sha256>, or --yes',
      given: yes ? true : undefined,
      proposed: false,
    });
    if (approved) list.trust(server.thumbprint, by);
    else process.exitCode = exitCodes.problems;
  }
}

const describe = ({ endpoint, applicationUri, subject, notAfter, thumbprint }: KnownServer): string[] => [
  `server       ${plain(endpoint)}`,
  `application  ${plain(applicationUri)}`,
  `subject      ${plain(subject)}`,
  `valid until  ${day(notAfter)}`,
  `SHA-256      ${grouped(thumbprint)}`,
];

/** The one server with this thumbprint; where `whole` is not asked for, its first digits will do. */
function oneOf(servers: readonly KnownServer[], text: string, whole = false): KnownServer {
  const found = servers.filter(({ thumbprint }) => sameThumbprint(thumbprint, text, whole));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw usageError(`several certificates begin with ${text}`, 'Give more of its digits.');
  const known = servers.map(({ thumbprint }) => grouped(thumbprint)).join(' or ') || 'none';
  throw new RejectedError(`no certificate of these servers has the SHA-256 ${text}; there is: ${known}`, {
    reason: 'unknown',
  });
}

function show(servers: readonly KnownServer[], { json }: TrustOptions, terminal: Terminal): void {
  if (json) {
    terminal.printJson(servers);
    return;
  }
  if (servers.length === 0) terminal.note('No server is known yet.');
  if (servers.length === 0) return;
  const columns = ['STATE', 'SERVER', 'APPLICATION', 'VALID UNTIL', 'BY', 'SHA-256'].map((title) => ({ title }));
  const rows = servers.map(({ state, endpoint, applicationUri, notAfter, trustedBy, thumbprint }) => [
    state === 'trusted' ? terminal.style('green', state) : terminal.style('yellow', state),
    endpoint,
    applicationUri,
    day(notAfter),
    trustedBy,
    thumbprint,
  ]);
  terminal.printTable(columns, rows);
}

const day = (time: Date): string => time.toISOString().slice(0, 10);
