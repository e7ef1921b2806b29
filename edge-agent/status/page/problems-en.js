/**
 * What is wrong, what it means for the data, and what to do, by the code of the problem. `d` are its details, `f` the
 * format of the language. Text between backticks is a command, an address or a name, and is read from left to right.
 */

const tags = (count, f) => `${f.count(count)} ${count === 1 ? 'tag' : 'tags'}`;
const samples = (count, f) => `${f.count(count)} ${count === 1 ? 'sample' : 'samples'}`;
const days = (count, f) => (count === 0 ? 'less than a day' : `${f.count(count)} ${count === 1 ? 'day' : 'days'}`);
const message = ({ error }) => (error ? [`Its own message: ${error}`] : []);
const doctor = (file) => `Run \`payesh-agent doctor -c ${file}\` on the gateway: it tests every step of the way.`;
const restart = 'Then restart the agent: `systemctl restart payesh-agent`';

const kept = (d, f) =>
  `Nothing is lost: measuring goes on, and ${samples(d.backlog, f)} wait in the buffer.` +
  (d.fullInS === undefined ? '' : ` At the present rate there is room for another ${f.span(d.fullInS)}.`);

const reaching = {
  refused: ({ target }) => [
    `The device is on the network, but nothing listens at \`${target}\`: compare the port with the device’s settings.`,
    'Look whether the service is switched on in the device, and whether it is running or in stop.',
    'Some devices bear only one connection: disconnect other programs that read it.',
  ],
  silent: ({ target }) => [
    'Look at the device: is it powered, and does the light of its network port blink?',
    `Compare \`${target}\` with the device’s settings, the unit id too.`,
    'Check the cable, the switch and the firewall between gateway and device.',
  ],
  'no-route': ({ target }) => [
    `The gateway has no way into the network of \`${target}\`: check its own address and mask with \`ip address\``,
    'Check that the cable is in the right network port of the gateway.',
  ],
  'unknown-name': ({ target }) => [
    `The name in \`${target}\` is not known to the gateway: write the IP address instead, or have the name entered in the DNS.`,
  ],
  'not-trusted': ({ target, file }) => [
    'The two sides do not agree on security: look in the server for rejected client certificates, and move “Payesh” to the trusted ones.',
    `Compare what the server offers with what is configured: \`payesh-agent doctor -c ${file}\``,
    `If the server’s certificate was renewed, approve it: \`payesh-agent trust -c ${file}\` (server: \`${target}\`)`,
  ],
  'not-offered': ({ file }) => [
    'Turn on the configured security in the server: `sign-and-encrypt` with `basic256sha256` or better.',
    `See what it offers: \`payesh-agent doctor -c ${file}\``,
  ],
  login: ({ file }) => [
    'The server refuses the user: compare name and password with those in the server, and the right to read.',
    `The user stands in \`${file}\`, under \`user\`; its password in the place that is named there.`,
  ],
  'port-missing': ({ target }) => [
    `There is no serial port \`${target}\`: is the USB adapter plugged in?`,
    'See which ports there are: `ls -l /dev/serial/by-id`',
  ],
  'port-denied': () => [
    'The agent may not open the serial port: `sudo usermod -aG dialout payesh`',
    `The right holds after a restart of the agent: \`systemctl restart payesh-agent\``,
  ],
  'port-busy': ({ target }) => [
    `Another program holds the serial port. See which: \`fuser -v ${serialPath(target)}\``,
    'End that program, or read the devices on another port.',
  ],
};

const serialPath = (target) => target.replace(/^rtu:\/\//, '').replace(/\?.*/, '');

const qualityRemedies = {
  opcua: {
    BadNodeIdUnknown: 'The server has no such node: browse it and compare the spelling, capitals too.',
    BadTimeout: 'The server does not answer for these: look at its load, and at the device behind it.',
    BadOutOfRange: 'The server gives a value that does not fit its own type: look at the variable in the server.',
    BadConfigurationError: 'The server is not set up for this node: look at the variable in the server.',
    BadTypeMismatch: 'The value is of another type than configured: read it once with probe and correct the type.',
    BadNotReadable: 'The server lets nobody read this: give the user the right to read it.',
    BadUserAccessDenied: 'The server lets this user not read it: give the user the right to read it.',
    BadDeviceFailure: 'The device itself tells of a fault: look at its display or its diagnostics.',
    BadNotConnected: 'The server has lost its own device: look at the connection behind the server.',
    BadCommunicationError: 'The server has lost its own device: look at the connection behind the server.',
  },
  modbus: {
    BadNodeIdUnknown:
      'The device has no such register or coil: compare table and address with its manual. Many manuals count from 1, and call holding register 0 “40001”: see `addressing`.',
    BadTimeout: 'The device does not answer for these: check the unit id, the cable of that unit and its power.',
    BadOutOfRange:
      'The registers are there, but they hold no such value: compare format and byte order with the manual. The device may also be saying that it has no value.',
    BadDeviceFailure: 'The device itself tells of a fault: look at its display or its diagnostics.',
    BadNotConnected: 'The gateway does not reach this unit: check the unit id, and the line between gateway and unit.',
    BadCommunicationError:
      'What comes back is damaged, or the device is busy: check wiring, termination and baud rate, and whether two units have the same id.',
    BadWaitingForInitialData:
      'There was no time yet to ask for these: units that do not answer take it. Correct or remove those first.',
  },
};

export const problems = {
  'source-down': (d, f) => ({
    what: `No connection to \`${d.subject}\``,
    means: `The ${tags(d.tags, f)} of this device are not being measured. What is measured in this time is missing later, unless the device keeps a history of its own. Everything read before is safe, and other devices go on.`,
    todo: [...(reaching[d.reason] ?? reaching.silent)(d), doctor(d.file), ...message(d)],
  }),
  'server-not-trusted': (d) => ({
    what: d.changed
      ? `The certificate of \`${d.subject}\` is another one than was approved`
      : `The certificate of \`${d.subject}\` has not been approved yet`,
    means: d.changed
      ? 'The agent does not talk to the server: either its certificate was renewed, or another machine answers in its place. Its tags are not being measured.'
      : 'The agent does not talk to a server that nobody has approved. Its tags are not being measured.',
    todo: [
      `Look up the SHA-256 of the server’s certificate at the server itself, and compare it with \`${d.thumbprint}\``,
      `If they are equal, approve it: \`payesh-agent trust -c ${d.file}\``,
      'If they are not, stop here and tell whoever is responsible for the network.',
    ],
  }),
  'certificate-expires': (d, f) => ({
    what:
      d.owner === 'agent'
        ? d.expired
          ? 'The agent’s own OPC UA certificate has expired'
          : `The agent’s own OPC UA certificate expires in ${days(d.days, f)}`
        : d.expired
          ? `The certificate of the server \`${d.subject}\` has expired`
          : `The certificate of the server \`${d.subject}\` expires in ${days(d.days, f)}`,
    means: 'Nothing is lost yet. With an expired certificate the two sides refuse each other, and measuring stops.',
    todo:
      d.owner === 'agent'
        ? [
            'Choose a time when the lines stand still: every server must approve the new certificate once.',
            `Run \`payesh-agent trust -c ${d.file} --renew-own\` on the gateway, and restart the agent.`,
            'Approve the new certificate of “Payesh” in every OPC UA server.',
          ]
        : [
            'Have a new certificate made in the server, by whoever keeps it.',
            `Approve it here afterwards: \`payesh-agent trust -c ${d.file}\` (server: \`${d.target}\`)`,
          ],
  }),
  'waiver-expires': (d, f) => ({
    what:
      d.days > 0
        ? `\`${d.subject}\` may do without encryption for only ${days(d.days, f)} more`
        : `\`${d.subject}\` may do without encryption no longer`,
    means: `From the day after \`${d.expires}\` the agent does not start with this entry. The reason that was written: ${d.reason}`,
    todo: [
      'Set up encryption in the server, and approve its certificate here.',
      `If it still cannot be encrypted, decide on it anew: reason and expiry stand in \`${d.file}\`, under \`security.waiver\``,
    ],
  }),
  'tags-bad': (d, f) => ({
    what: `${tags(d.count, f)} of \`${d.subject}\` cannot be read`,
    means: `They are stored as Bad, without a value; the other ${f.count(d.total - d.count)} are read as usual. Most often (${f.count(d.ofQuality)}): \`${d.quality}\``,
    todo: [
      ...(qualityRemedies[d.kind][d.quality] ? [qualityRemedies[d.kind][d.quality]] : []),
      `Begin with \`${d.tag}\` (\`${d.address}\`). On the page of the gateway, the filter “Bad” shows them all.`,
      `Read one of them undecoded: \`payesh-agent probe -c ${d.file} ${d.tag}\``,
    ],
  }),
  'tags-silent': (d, f) => ({
    what: `${tags(d.count, f)} of \`${d.subject}\` ${d.count === 1 ? 'has' : 'have'} given no value at all`,
    means: 'The device is connected, but nothing came for these since the agent started: nothing is stored of them.',
    todo: [
      `Begin with \`${d.tag}\` (\`${d.address}\`): does it exist in the device, and does it have a value there?`,
      d.kind === 'opcua'
        ? `A server may announce a node and never publish it: read it once with \`payesh-agent probe -c ${d.file} ${d.tag}\`, or poll its group.`
        : `Look whether its unit answers at all: \`payesh-agent probe -c ${d.file} ${d.tag}\``,
    ],
  }),
  'slots-skipped': (d, f) => ({
    what: `\`${d.subject}\` cannot keep up: ${f.percent(d.percent / 100)} of its reads were skipped`,
    means: `In the last minutes ${f.count(d.skipped)} values were not read in time and are missing. What was read is right.`,
    todo: [
      `See how much time the requests take: \`payesh-agent plan -c ${d.file}\``,
      'Read slowly changing tags less often, or give the device a longer interval.',
      'On a serial line: raise the baud rate of all its devices, or spread them over two lines.',
    ],
  }),
  'values-lost': (d, f) => ({
    what: `\`${d.subject}\` dropped ${f.count(d.lost)} values before the agent could have them`,
    means: 'They are lost; the gap is marked in the data, so that no figure is computed over it unnoticed.',
    todo: [
      'The server’s queue overflows: choose a shorter publishing interval for the group, or a longer sampling interval.',
      'Look at the load of the gateway and of the server: `payesh-agent status`',
    ],
  }),
  'clock-suspect': (d, f) => ({
    what: `The clock of \`${d.subject}\` is wrong`,
    means: `For ${tags(d.count, f)} the device’s own time is not believed; the gateway’s time is used and marked. No value is lost.`,
    todo: [
      'Set the clock of the device or server, best by NTP from the same time server as the gateway.',
      'If the device’s clock is right, it is the gateway’s that is wrong: `timedatectl`',
    ],
  }),
  'broker-away': (d, f) => ({
    what: 'No connection to the hub’s broker',
    means: kept(d, f),
    todo: [
      ...(d.reason === 'unknown-name'
        ? [`The name in \`${d.broker}\` is not known to the gateway: check the DNS, or write the IP address.`]
        : d.reason === 'refused'
          ? [
              `The machine answers, but nothing listens at \`${d.broker}\`: ask the hub’s operator whether the broker runs.`,
            ]
          : ['Check the gateway’s way out: the network cable, the modem or the VPN.']),
      `Ask whether the firewall lets the gateway through to \`${d.broker}\``,
      'When it is back, everything is sent by itself; do not delete the data folder.',
      ...message(d),
    ],
  }),
  'broker-refuses': (d, f) => ({
    what: 'The hub’s broker does not let this agent in',
    means: kept(d, f),
    todo: [
      `Ask the hub’s operator whether the hub knows \`${d.agent}\`, and for a new password: \`payesh-hub agent renew ${d.agent}\`, or \`payesh-hub agent add ${d.agent}\` where it is not known.`,
      'Write it where the configuration says, under `broker.password`, and nothing else into that file.',
      'If another gateway runs with the same agent name, give one of them another name.',
      restart,
      ...message(d),
    ],
  }),
  quarantined: (d, f) => ({
    what: `The hub has put this agent in quarantine: two gateways use the name \`${d.agent}\``,
    means: kept(d, f),
    todo: [
      'Find the other one: a copied memory card or data folder, or an old gateway that was exchanged and runs again. Switch it off.',
      'Delete neither of the two data folders: what they hold is not at the hub yet.',
      `When only one is left, the hub’s operator ends it: \`payesh-hub quarantine end ${d.agent}\`. Then everything is sent by itself.`,
      `If both are needed, give one of them a name of its own (\`payesh-hub agent add\`) and an empty \`dataDir\` first.`,
    ],
  }),
  'hub-away': (d, f) => ({
    what: 'The broker is there, but the hub does not answer',
    means: kept(d, f),
    todo: [
      'Tell the hub’s operator; there is nothing to do at the gateway.',
      'When it is back, everything is sent by itself; do not delete the data folder.',
    ],
  }),
  'buffer-regressed': (d, f) => ({
    what: 'The buffer had fallen behind what it had already kept',
    means:
      'Its file was older than it should be: a disk that lost what was written, or a copy that was put back. The agent has begun anew by itself; measuring and sending go on.' +
      (d.corrupt > 0 ? ` ${samples(d.corrupt, f)} are lost, and the hub lists them.` : ''),
    todo: [
      'If somebody put an older copy of the data folder back: nothing more is to be done.',
      'Otherwise do not trust the disk or SD card: exchange it. Look for errors of it with `journalctl -k -p err`',
    ],
  }),
  'buffer-damaged': (d, f) => ({
    what: 'The disk has damaged the buffer',
    means:
      {
        salvaging:
          'A new one is in use, nothing that is measured now is lost. What can be read of the old one is being read.',
        sending: 'A new one is in use. What could be read of the old one is on its way to the hub.',
        done: 'A new one is in use, and what could be read of the old one is at the hub.',
        failed: 'A new one is in use. Of the old one nothing could be read.',
      }[d.state] ?? 'Single frames could not be read any more.',
    todo: [
      ...(d.corrupt > 0 ? [`${samples(d.corrupt, f)} are lost; the hub lists them as “corrupt”.`] : []),
      'Do not trust the disk or SD card: exchange it. Look for errors of it with `journalctl -k -p err`',
      ...(d.folder ? [`The damaged file is kept in \`${d.folder}\``] : []),
    ],
  }),
  'disk-fails': (d, f) => ({
    what: 'The disk fails again and again',
    means: `What is measured now waits in memory, and is lost when that is full or the agent is stopped. The ${samples(d.backlog, f)} on the disk are sent when it can be read.`,
    todo: [
      'Look what the system says of the disk: `journalctl -k -p err` and `mount`: it may have become read-only.',
      'Exchange the disk or SD card; copy the data folder before, as far as it can be read.',
    ],
  }),
  'disk-full': (d) => ({
    what: 'The disk is full',
    means: d.evicts
      ? 'The buffer cannot grow: the oldest of what matters least is given up for what is measured now, and the hub is told.'
      : 'What is measured now is not being kept until there is room. Nothing in the buffer is lost.',
    todo: [
      'See what takes the room: `df -h` and `du -xhd1 /var`',
      'Limit the system’s logs: `journalctl --vacuum-size=200M`',
      'Delete nothing in the agent’s data folder. When there is room, the agent goes on by itself.',
    ],
  }),
  'samples-evicted': (d, f) => ({
    what: `The buffer is full: ${samples(d.evicted, f)} were given up within minutes`,
    means: `The oldest of what matters least goes for what is measured now, ${samples(d.total, f)} so far. Counters, registers and states go last. The hub is told every number.`,
    todo: [
      'Restore the connection to the hub at once: see the other problems here.',
      `Or raise \`buffer.maxBytes\` and restart the agent: the disk has ${f.bytes(d.diskFreeBytes)} free. Nothing in the buffer is touched by that.`,
      'Which tags go first is said by `keep` in the configuration.',
    ],
  }),
  'backlog-grows': (d, f) => ({
    what: 'More is measured than is sent',
    means:
      `Nothing is lost. ${samples(d.backlog, f)} wait, ${f.count(d.perMinute)} more every minute.` +
      (d.fullInS === undefined ? '' : ` At this rate the buffer is full in ${f.span(d.fullInS)}.`),
    todo: [
      'Check the speed of the line to the hub: a mobile modem may be at the end of its quota.',
      'Ask the hub’s operator whether the hub is overloaded.',
      'If it stays like this, report fewer values: a deadband for noisy tags, longer intervals.',
    ],
  }),
  'buffer-nearly-full': (d, f) => ({
    what: `The buffer is ${f.percent(d.bytes / d.maxBytes)} full`,
    means:
      (d.evicts
        ? 'Nothing is lost yet. When it is full, the oldest of what matters least goes for what is new.'
        : 'Nothing is lost yet. When it is full, nothing new is accepted until the hub has taken something.') +
      (d.fullInS === undefined ? '' : ` At this rate that is in ${f.span(d.fullInS)}.`),
    todo: [
      'Restore the connection to the hub first: see the other problems here.',
      `If that takes longer, and the disk has room (${f.bytes(d.diskFreeBytes)} free), raise \`buffer.maxBytes\` and restart the agent.`,
    ],
  }),
  'buffer-full': (d, f) => ({
    what: 'The buffer is full: new values are not being kept',
    means: `The ${samples(d.backlog, f)} in it are safe. What is measured now is lost until the hub takes some of them.`,
    todo: [
      'Restore the connection to the hub at once: see the other problems here.',
      `Or raise \`buffer.maxBytes\` and restart the agent: the disk has ${f.bytes(d.diskFreeBytes)} free. Nothing in the buffer is touched by that.`,
      'Do not delete the data folder: it holds what has not been sent.',
    ],
  }),
  'disk-nearly-full': (d, f) => ({
    what: `The disk has only ${f.bytes(d.diskFreeBytes)} free`,
    means: `The buffer may grow to ${f.bytes(d.maxBytes)}, but the disk will be full before. Then nothing new is kept.`,
    todo: [
      'See what takes the room: `df -h` and `du -xhd1 /var`',
      'Limit the system’s logs: `journalctl --vacuum-size=200M`',
      'Delete nothing in the agent’s data folder.',
    ],
  }),
  'hub-pauses': (d, f) => ({
    what: 'The hub takes nothing just now',
    means: `It is there and has asked to wait: its store is slow or full. ${kept(d, f)}`,
    todo: ['Tell the hub’s operator. Nothing is to be done here: sending goes on by itself.'],
  }),
  'config-refused': (d, f) => ({
    what: `The changed configuration was not taken`,
    means: `Nothing is lost: version ${f.count(d.version)} goes on running. The mistake: ${d.message}`,
    todo: [
      `It is at \`${d.at}\`. ${d.hint}`,
      `Correct the file and test it: \`payesh-agent check -c ${d.file}\`. It is taken by itself once it is right.`,
      `To give the change up: \`payesh-agent config rollback ${d.version} -c ${d.file}\``,
    ],
  }),
  'config-needs-restart': (d) => ({
    what: 'A change of the configuration waits for a restart',
    means: `Everything else was taken; the old value of \`${d.keys}\` still holds. Nothing is lost by a restart.`,
    todo: ['Restart the agent when it suits: `systemctl restart payesh-agent`'],
  }),
  'not-commissioned': (d, f) => ({
    what: `${tags(d.count, f)} ${d.count === 1 ? 'has' : 'have'} not been commissioned`,
    means: 'They are measured and stored, but nobody has compared them with the device itself, and they are marked so.',
    todo: [
      `Compare tag by tag, standing at the machine: \`payesh-agent commission -c ${d.file}\``,
      'On the page of the gateway, the filter “not commissioned” shows which.',
    ],
  }),
};
