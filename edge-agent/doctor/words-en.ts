/** What the doctor finds, and what to do about it. Persian has the same in words-fa.ts. */
import type { LinkState } from '../forward/conversation.ts';
import type { Format } from '../status/page/format.js';
import type { Language } from '../status/problems.ts';

export interface Told {
  /** One sentence without a full stop. */
  readonly text: string;
  /** Step by step. */
  readonly todo?: readonly string[];
}

const tell = (text: string, ...todo: string[]): Told => ({ text, todo });
const tags = (count: number) => (count === 1 ? 'tag' : 'tags');

export const doctorWords = (f: Format) => ({
  lang: 'en' as Language,
  names: {
    configuration: 'configuration',
    agent: 'running agent',
    data: 'data folder',
    clock: 'clock',
    expiry: 'expiry dates',
    broker: 'broker',
    hub: 'hub',
  },
  notFinished: (seconds: number) => tell(`not finished within ${seconds} s`),
  unforeseen: (reason: string) => tell(reason),

  configurationRight: (file: string, agent: string, site: string) =>
    tell(`${file} is right: agent ${agent} of ${site}`),
  agentRuns: (agent: string, version: string, number: number, file: string) =>
    tell(`${agent} ${version} runs, with version ${number} of ${file}; its connections are asked of it`),
  sends: (broker: string) => tell(`the agent sends to ${broker}`),
  sendsNot: (state: LinkState, broker: string) => tell(`the agent is ${state}: ${broker}`),
  sendsNotYet: (state: LinkState, broker: string) =>
    tell(`the agent is ${state}: ${broker}`, 'It tries again by itself: run the doctor again in half a minute.'),
  sourceUp: (good: number, uncertain: number, bad: number) =>
    tell(`the agent is connected; ${good} tags are good, ${uncertain} uncertain, ${bad} bad`),
  sourceUpWithoutValue: (count: number) =>
    tell(
      `the agent is connected, but none of its ${count} ${tags(count)} has a value yet`,
      'First values take a moment: run the doctor again in half a minute.',
    ),
  sourceNotUp: (state: string, error: string) => tell(`the agent is ${state}${error && `: ${error}`}`),
  sourceNotUpYet: (state: string, seconds: number, error: string) =>
    tell(
      `the agent is ${state}, for ${f.span(seconds)}${error && `: ${error}`}`,
      'It tries again by itself: run the doctor again in half a minute.',
    ),
  state: { connecting: 'connecting', down: 'not connected', up: 'connected' },

  folderMissing: (folder: string) => tell(`${folder} is not there yet: the agent makes it at its first start`),
  folderCannotBeMade: (folder: string, parent: string) =>
    tell(
      `${folder} is not there, and ${parent} cannot be written`,
      `Make it for the agent's user: sudo install -d -o payesh -m 700 ${folder}`,
    ),
  noFolder: (folder: string) => tell(`${folder} is not a folder`, 'Name a folder as dataDir in the configuration.'),
  folderWritable: (folder: string) => tell(`${folder} can be written`),
  diskFull: (folder: string) => tell(`the disk of ${folder} is full`, 'See what takes the room: df -h, du -xhd1 /var'),
  diskReadOnly: (folder: string) =>
    tell(
      `${folder} lies on a disk that can only be read`,
      'A flash card that is worn out turns itself read-only: see dmesg, and replace it.',
    ),
  folderUnwritable: (folder: string, reason: string) =>
    tell(
      `${folder} cannot be written: ${reason}`,
      `Give it to the agent's user: sudo chown -R payesh ${folder}`,
      'Or run the doctor as that user: sudo -u payesh payesh-agent doctor …',
    ),
  room: (free: number, max: number) => tell(`${f.bytes(free)} free; the buffer may take ${f.bytes(max)}`),
  roomShort: (free: number, max: number) =>
    tell(
      `only ${f.bytes(free)} free, but the buffer may take ${f.bytes(max)}: the disk would be full before`,
      'Make room: journalctl --vacuum-size=200M, df -h',
      'Or set buffer.maxBytes to what the disk bears.',
    ),
  fsync: (ms: number, rounds: number) => tell(`making a block durable takes ${ms.toFixed(1)} ms (median of ${rounds})`),
  fsyncSlow: (ms: number, rounds: number, allowedMs: number) =>
    tell(
      `making a block durable takes ${ms.toFixed(1)} ms (median of ${rounds}), more than ${allowedMs} ms`,
      'SD cards and USB sticks are often this slow, and wear out: use an SSD, or an industrial card.',
      'Until then a longer acceptance.intervalMs writes less often.',
    ),

  clockSynchronised: () => tell("the system's clock is synchronised by NTP"),
  clockFree: () =>
    tell(
      "the system's clock is not synchronised: timestamps drift, and after a power cut they may be hours off",
      'Turn it on: sudo timedatectl set-ntp true',
      'Without Internet name a time server of the plant in /etc/systemd/timesyncd.conf, under NTP=',
    ),
  clockUnknown: () =>
    tell(
      'it cannot be found out here whether the clock is synchronised by NTP',
      'In a container the clock is that of the machine: look there.',
    ),
  hubSilent: (url: string, reason: string) =>
    tell(
      `the hub at ${url} does not answer: ${reason}`,
      'Only commissioning needs it; samples go by the broker. Check hub.url and the firewall.',
    ),
  hubWithoutTime: (url: string) => tell(`the hub at ${url} tells no time`),
  clockAgrees: (whose: 'hub' | 'server') => tell(`the clock of the ${whose} agrees with this gateway's`),
  clockOff: (whose: 'hub' | 'server', seconds: number, isAhead: boolean, maxSkewMs: number | undefined) =>
    tell(
      `the clock of the ${whose} is ${seconds < 120 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`} ${isAhead ? 'ahead of' : 'behind'} this gateway's`,
      'One of the two is wrong: compare both with a watch, and have both synchronised by the same time server.',
      ...(maxSkewMs === undefined
        ? []
        : [`Until then its time is not believed where it differs by more than ${maxSkewMs} ms (maxSkewMs).`]),
    ),

  nothingExpires: () => tell('nothing here expires'),
  ownCertificateLater: () => tell('the agent makes its OPC UA certificate at its first start'),
  ownCertificate: (until: string) => tell(`the agent's own certificate is valid until ${until}`),
  ownCertificateEnds: (until: string, hasEnded: boolean, file: string) =>
    tell(
      `the agent's own certificate ${hasEnded ? 'expired' : 'expires'} on ${until}`,
      'Choose a time when the lines stand still: each server must approve the new one.',
      `Then: payesh-agent trust -c ${file} --renew-own, and restart the agent`,
    ),
  waiver: (source: string, until: string) => tell(`${source} may do without encryption until ${until}`),
  waiverEnds: (source: string, until: string, days: number) =>
    tell(
      `${source} may do without encryption only until ${until}, ${days} more days; then the agent does not start with it`,
      'Set up encryption in the server, or decide on the waiver anew.',
    ),

  nameKnown: (host: string, address: string) => tell(`the name ${host} is ${address}`),
  nameUnknown: (host: string, isDnsAway: boolean) =>
    tell(
      `the name ${host} is not known to this gateway: ${isDnsAway ? 'no DNS server answers' : 'no DNS server and no hosts file knows it'}`,
      'Write the IP address in the configuration, or enter the name in /etc/hosts or in the DNS.',
      'See which DNS servers are asked: resolvectl status, or cat /etc/resolv.conf',
    ),
  portOpen: (host: string, port: number, ms: number) => tell(`${host} port ${port} is open (${ms} ms)`),
  portRefused: (host: string, port: number) =>
    tell(
      `${host} answers, but refuses port ${port}: nothing listens there`,
      'Compare the port with the settings of the other side.',
      'Look whether the service is switched on there. A firewall may refuse as well.',
    ),
  portSilent: (host: string, port: number, seconds: number) =>
    tell(
      `${host} port ${port} gives no answer within ${seconds} s`,
      `See whether the machine is there at all: ping ${host}`,
      'If it is, a firewall drops the connection; if not, check its power, cable and address.',
    ),
  noRoute: (host: string) =>
    tell(
      `this gateway has no route to ${host}`,
      "Compare the gateway's own address and mask with the network of the other side: ip address, ip route",
      'Check that the cable is in the right network port.',
    ),
  portCloses: (host: string, port: number) =>
    tell(
      `${host} closes connections to port ${port} at once`,
      'It may bear only so many connections: end other programs that use it, or look for an allow-list there.',
    ),
  portUnreachable: (host: string, port: number, code: string) =>
    tell(`${host} port ${port} cannot be reached: ${code}`, `Try: ping ${host}`),

  serialThere: (path: string) => tell(`the serial port ${path} is there and may be opened`),
  serialMissing: (path: string, there: readonly string[]) =>
    tell(
      `there is no serial port ${path}`,
      there.length > 0
        ? `These are there: ${there.join(', ')}`
        : 'No USB serial adapter is plugged in, or its driver is missing: see dmesg.',
    ),
  serialDenied: (path: string) =>
    tell(
      `the serial port ${path} may not be opened by this user`,
      "Let the agent's user in: sudo usermod -aG dialout payesh, then restart the agent.",
    ),
  serialBusy: (reason: string, path: string) => tell(reason, `See which program holds it: fuser -v ${path}`),

  unitAnswers: (unit: number, ms: number) => tell(`unit ${unit} answers (${ms} ms)`),
  unitBehindGateway: (unit: number, exception: number) =>
    tell(
      `unit ${unit}: the gateway in between answers in its place (exception ${exception}): the device does not`,
      'Check the power and the wiring of that device behind the gateway, and its unit id.',
    ),
  unitRefuses: (unit: number, table: string, address: number, exception: number) =>
    tell(
      `unit ${unit} is there, but refuses ${table} ${address} (exception ${exception})`,
      'Compare table and address with the manual of the device; some manuals count from 1.',
    ),
  unitSilent: (unit: number, reason: string, timeoutMs: number) =>
    tell(
      `unit ${unit} does not answer: ${reason}`,
      'Check the unit id at the device, its power, and on a serial line A/B, the termination, baud rate and parity.',
      `A slow device needs longer than ${timeoutMs} ms: raise timeoutMs.`,
    ),
  tagsRead: (count: number) => tell(`${count === 1 ? 'its tag is read' : `all ${count} tags are read`}, and good`),
  tagsNotRead: (count: number, total: number, quality: string, path: string, address: string, command: string) =>
    tell(
      `${count} of ${total} tags cannot be read, ${path} for instance: ${quality}`,
      `It is configured as ${address}: compare that with the device, or with its manual.`,
      `Read it undecoded: ${command}`,
    ),
  readingFails: (reason: string) => tell(`its tags cannot be read: ${reason}`),

  notOpcua: (reason: string) =>
    tell(
      `it does not answer as an OPC UA server: ${reason}`,
      'Compare port and path with what the server itself shows as its endpoint.',
    ),
  loginLater: () =>
    tell(
      'a login cannot be tried before the agent has its certificate',
      'Start the agent once, then run the doctor again.',
    ),
  notOffered: (wanted: string, there: readonly string[]) =>
    tell(
      `it does not offer what is configured (${wanted}), only: ${there.join('; ') || 'nothing'}`,
      'Turn that mode on in the server; basic256sha256 and the aes policies are good, older ones are refused.',
    ),
  nobodyIn: (kind: string, users: readonly string[]) =>
    tell(
      `it lets nobody in as configured (${kind}), only: ${users.join(', ') || 'nobody'}`,
      kind === 'anonymous'
        ? 'Have a user made in the server that may only read, and name it under user.'
        : 'Allow this kind of user in the server, or configure another.',
    ),
  offers: (mode: string, policy: string) =>
    tell(`it offers ${mode === 'none' ? 'a connection without security' : `${mode} with ${policy}`}`),
  certificateUnreadable: () =>
    tell('it shows no certificate that can be read', 'Have a certificate made in the server.'),
  certificateNotApproved: (thumbprint: string, file: string) =>
    tell(
      `its certificate has not been approved: SHA-256 ${thumbprint}`,
      'Compare that with what the server itself shows.',
      `If they are equal: payesh-agent trust -c ${file}`,
    ),
  certificate: (until: string) => tell(`its certificate is approved, and valid until ${until}`),
  certificateEnds: (until: string, days: number, file: string) =>
    tell(
      days < 0 ? `its certificate expired on ${until}` : `its certificate expires on ${until}, in ${days} days`,
      `Have a new one made in the server, then approve it: payesh-agent trust -c ${file}`,
    ),
  session: () => tell('a session opens, and can read'),
  noSession: (reason: string, why: string) =>
    tell(
      `no session: ${reason}`,
      why === 'login'
        ? 'Compare the name and the password with those in the server, and its right to read.'
        : why === 'not-trusted'
          ? 'Approve the certificate of payesh-agent in the server: most keep unknown ones in a list of rejected certificates.'
          : "Look into the server's own log for the reason; it may have too few free sessions.",
    ),

  passwordUnreadable: (reason: string, agent: string) =>
    tell(
      `the agent's password cannot be read: ${reason}`,
      `The hub makes it: payesh-hub agent add ${agent}. Put it where broker.password says.`,
    ),
  brokerLetsIn: (agent: string) => tell(`the broker lets ${agent} in`),
  brokerRefuses: (reason: string, agent: string) =>
    tell(
      reason,
      `Have a new password made at the hub, and put it where broker.password says: payesh-hub agent renew ${agent}`,
      `Look whether the hub knows an agent of the name ${agent} at all.`,
    ),
  brokerNotBelieved: (reason: string) =>
    tell(
      `${reason}: the broker's certificate is not believed`,
      "Ask the hub's operator for the certificate of its authority, and start the agent with NODE_EXTRA_CA_CERTS=<file>.",
    ),
  brokerOther: (reason: string) => tell(reason, "Ask the hub's operator to look into the broker's log."),

  well: () => 'All is well.',
  needsPerson: (count: number) => `${count} ${count === 1 ? 'thing needs' : 'things need'} a person.`,
});

export type DoctorWords = ReturnType<typeof doctorWords>;
