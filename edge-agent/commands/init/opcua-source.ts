/** The interview about an OPC UA server: reached, trusted and browsed while one answers. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CommandError, exitCodes } from '../../../config/process.ts';
import type { OpcuaConnectionConfig } from '../../../protocols/opcua/connection-config.ts';
import type { BrowsedVariable, EndpointOffer, ServerOffers } from '../../../protocols/opcua/explore.ts';
import { plain } from '../../terminal/plain.ts';
import { browsedTags, foreignNames, tagsCsv } from '../browsed-tags.ts';
import { reaching, usageError } from '../command.ts';
import { opcuaHint } from '../opcua-hint.ts';
import { quietLog } from '../opcua-options.ts';
import { wordOf } from '../tag-path.ts';
import { grouped, sameThumbprint } from '../thumbprint.ts';
import { chooseVariables } from './choose-variables.ts';
import { type InitContext, type NewFile, type SourceDraft, yamlText } from './context.ts';
import { unreachable } from './reachable.ts';

const timeoutMs = 10_000;
/** To say what it offers takes a server no time; what is silent for so long is something else. */
const offersTimeoutMs = 5000;
const maxNodes = 100_000;

export async function askOpcuaSource(context: InitContext): Promise<SourceDraft> {
  const { endpoint, offers } = await askServer(context);
  const security = await askSecurity(offers, context);
  const id = await context.sourceId('opcua');
  const user = await askUser(offers, security, id, context);
  const connection = await validConnection({ endpoint, security, user: user?.user, timeoutMs });
  if (security.mode !== 'none') await askTrust(endpoint, offers, context);

  const found = await browse(connection, user?.password, context);
  const variables = await chooseVariables(found, context);
  const words = await askWords(variables, context);
  const { tags, standIns } = browsedTags(variables, words, context.paths);
  for (const [name, word] of standIns)
    context.terminal.warn(`"${plain(name)}" has no ASCII letters: its tags have ${word} in their paths.`);

  const tagsFile = `${id}.csv`;
  const files: NewFile[] = [{ name: tagsFile, text: tagsCsv(tags) }, ...(user ? [user.file] : [])];
  return {
    files,
    summary: `${endpoint}: ${tags.length} tags`,
    yaml: [
      `id: ${id}`,
      'kind: opcua',
      `endpoint: ${yamlText(endpoint)}`,
      ...securityLines(security),
      ...(user
        ? ['user:', `  name: ${yamlText(user.user.name)}`, `  password: { file: ${yamlText(user.user.password.file)} }`]
        : []),
      'groups:',
      '  # The server looks at each variable every samplingIntervalMs, and reports what changed every publishingIntervalMs.',
      '  - publishingIntervalMs: 1000',
      '    samplingIntervalMs: 1000',
      `    tagsFile: ${tagsFile}`,
    ],
  };
}

async function askServer({ options, interview, terminal, signal, dataDir }: InitContext) {
  let offers: ServerOffers | undefined;
  const address = await interview.text({
    message: 'Address of the OPC UA server (192.168.10.5, or opc.tcp://host:4840/path)',
    option: '--opcua <url>',
    given: options.opcua,
    async check(text) {
      const url = URL.parse(endpointOf(text));
      if (url?.protocol !== 'opc.tcp:' || url.hostname === '')
        return `"${text}" is no address: it must be opc.tcp://host:4840.`;
      using progress = terminal.progress(`connecting to ${url.host}`);
      const mistake = await unreachable(url.hostname.replace(/^\[|\]$/g, ''), Number(url.port), signal);
      if (mistake) return mistake;
      progress.update(`asking ${url.host} for its endpoints`);
      const { listOffers } = await import('../../../protocols/opcua/explore.ts');
      try {
        offers = await listOffers(endpointOf(text), { timeoutMs: offersTimeoutMs, dataDir }, signal);
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        return {
          away: `Something listens there, but it does not answer as an OPC UA server: ${(error as Error).message}`,
        };
      }
    },
  });
  for (const offer of offers!.offers) interview.tell(`  offers ${describeOffer(offer)}`);
  return { endpoint: endpointOf(address), offers: offers! };
}

/** With the port of IANA's register where none was typed. */
function endpointOf(text: string): string {
  const url = /^[a-z.]+:\/\//i.test(text) ? text : `opc.tcp://${text}`;
  return /^opc\.tcp:\/\/(\[[^\]]*\]|[^/:]+)(\/|$)/i.test(url)
    ? url.replace(/^(opc\.tcp:\/\/(?:\[[^\]]*\]|[^/:]+))/i, '$1:4840')
    : url;
}

const describeOffer = ({ mode, policy, users, supported }: EndpointOffer): string =>
  `${mode}${mode === 'none' ? '' : ` with ${plain(policy)}`}, log in: ${users.join(', ')}${supported ? '' : ' (not supported)'}`;

type Security = { mode: 'sign-and-encrypt' | 'sign' } | { mode: 'none'; waiver: { reason: string; expires: string } };

/** The strongest that both sides know. Doing without is a decision that a person signs. */
async function askSecurity({ offers }: ServerOffers, { options, interview }: InitContext): Promise<Security> {
  const modes = new Set(offers.filter(({ supported }) => supported).map(({ mode }) => mode));
  if (options.waiver === undefined) {
    if (modes.has('sign-and-encrypt')) return { mode: 'sign-and-encrypt' };
    if (modes.has('sign')) return { mode: 'sign' };
    interview.tell(
      '  This server offers no encryption: anybody on its network can read along, and answer in its place.',
    );
  }
  const reason = await interview.text({
    message: 'Why is it used without encryption? (kept in agent.yaml)',
    option: '--waiver <reason>',
    given: options.waiver,
    check: (text) => (text.length >= 10 ? undefined : 'Say it in a few words, 10 letters at least.'),
  });
  const expires = await interview.text({
    message: 'Until which day does that hold? (a year at most)',
    option: '--waiver-until <YYYY-MM-DD>',
    given: options.waiverUntil,
    otherwise: inHalfAYear(),
    check: (text) =>
      /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))
        ? undefined
        : 'It must be a date, YYYY-MM-DD.',
  });
  return { mode: 'none', waiver: { reason, expires } };
}

const inHalfAYear = (): string => new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, 10);

const securityLines = (security: Security): string[] =>
  security.mode === 'none'
    ? [
        'security:',
        '  mode: none',
        `  waiver: { reason: ${yamlText(security.waiver.reason)}, expires: "${security.waiver.expires}" }`,
      ]
    : [`security: { mode: ${security.mode} }`];

interface AskedUser {
  readonly user: { readonly name: string; readonly password: { readonly file: string } };
  readonly password: string;
  readonly file: NewFile;
}

/** A user only over an encrypted channel, where the server insists on one or somebody named one. */
async function askUser(
  { offers }: ServerOffers,
  { mode }: Security,
  id: string,
  { options, interview, folder }: InitContext,
): Promise<AskedUser | undefined> {
  const users = new Set(offers.filter((offer) => offer.mode === mode).flatMap((offer) => offer.users));
  if (mode !== 'sign-and-encrypt' || !users.has('name')) return undefined;
  const choices = [
    { value: 'anonymous', label: 'Without a user' },
    { value: 'name', label: 'With user name and password' },
  ] as const;
  const how = users.has('anonymous')
    ? await interview.choose({
        message: 'How does the agent log in there?',
        option: '--user <name>',
        given: options.user === undefined ? undefined : 'name',
        otherwise: 'anonymous',
        choices,
      })
    : 'name';
  if (how === 'anonymous') return undefined;
  const name = await interview.text({
    message: 'User name at the OPC UA server',
    option: '--user <name>',
    given: options.user,
  });
  const { readPasswordFile } = await import('./password.ts');
  const password = await interview.text({
    message: `Password of ${name}`,
    option: '--user-password-file <file>',
    given: readPasswordFile(options.userPasswordFile),
    secret: true,
  });
  const file = `${id}-password`;
  return {
    user: { name, password: { file: join(folder, file) } },
    password,
    file: { name: file, text: `${password}\n`, secret: true },
  };
}

async function validConnection(input: object): Promise<OpcuaConnectionConfig> {
  const { opcuaConnectionSchema } = await import('../../../protocols/opcua/connection-config.ts');
  const parsed = opcuaConnectionSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw usageError(`${path.join('.')}: ${message}`, 'Start again with another answer.');
}

/** A certificate is believed because a person compared it, and never for another reason. */
async function askTrust(endpoint: string, { identity }: ServerOffers, context: InitContext): Promise<void> {
  const { options, interview, dataDir } = context;
  if (!identity)
    throw usageError(`${endpoint} shows no certificate`, 'Set one up at the server, or give --waiver <reason>.');
  const { openTrustList } = await import('../../../protocols/opcua/trust.ts');
  const list = openTrustList(dataDir);
  if (list.isTrusted(identity.der, identity.applicationUri)) return;
  interview.tell(`  certificate of ${plain(identity.applicationUri)} (${plain(identity.subject)})`);
  interview.tell(
    `  valid until ${identity.notAfter.toISOString().slice(0, 10)}, SHA-256 ${grouped(identity.thumbprint)}`,
  );
  if (options.trust !== undefined && !sameThumbprint(identity.thumbprint, options.trust, true)) {
    throw new CommandError(`the certificate has another SHA-256 than --trust says: ${grouped(identity.thumbprint)}`, {
      path: endpoint,
      hint: 'Look it up at the server again. If it is right there, somebody stands between.',
      exitCode: exitCodes.refused,
    });
  }
  const trusted = await interview.confirm({
    message: 'Is this the SHA-256 that the server itself shows?',
    option: '--trust <sha256>, or --yes',
    given: options.trust !== undefined || options.yes ? true : undefined,
    proposed: false,
  });
  if (!trusted)
    throw usageError('the server is not trusted', "Find its certificate's SHA-256 at the server, and start again.");
  list.keepPending(identity, endpoint);
  list.trust(identity.thumbprint, userInfo().username);
}

async function browse(
  config: OpcuaConnectionConfig,
  password: string | undefined,
  { options, terminal, signal, dataDir }: InitContext,
): Promise<BrowsedVariable[]> {
  using progress = terminal.progress('browsing');
  return await reaching(config.endpoint, opcuaHint(config), async () => {
    const { browseVariables } = await import('../../../protocols/opcua/explore.ts');
    const found: BrowsedVariable[] = [];
    const asked = {
      ...(options.from === undefined ? {} : { from: options.from }),
      maxNodes,
      withValues: false,
      onProgress: (nodes: number) => progress.update(`browsing: ${nodes} nodes, ${found.length} variables`),
    };
    // The password is not in its file yet: nothing is written before all is asked.
    const own = { dataDir, secret: () => password ?? '', log: quietLog };
    for await (const variable of browseVariables(config, asked, own, signal)) {
      const isServers = options.from === undefined && variable.path.startsWith('/Server/');
      if (variable.type !== undefined && !isServers) found.push(variable);
    }
    return found;
  });
}

/** Words for the names that have no ASCII letters, where somebody can be asked for them. */
async function askWords(
  variables: readonly BrowsedVariable[],
  { interview }: InitContext,
): Promise<ReadonlyMap<string, string>> {
  const words = new Map<string, string>();
  if (!interview.asks) return words;
  for (const name of foreignNames(variables)) {
    const word = await interview.text({
      message: `A short word in Latin letters for "${plain(name)}", for the tags' paths`,
      option: '(none)',
      check: (text) => (wordOf(text) === text ? undefined : 'Small letters a to z, digits and - only.'),
    });
    words.set(name, word);
  }
  return words;
}
