/** The JSON Schema of agent.yaml as an editor shows it: with a sentence for each key, and with tables of tags. */

/** By key, wherever it stands; a dotted one where its parent is this. */
const words: Readonly<Record<string, string>> = {
  agent: "The agent's name; also its user name at the broker.",
  site: "Path of the plant in the national tree; the tags' paths stand below it.",
  dataDir: 'Folder for buffer, versions, keys and trusted certificates. Nothing is written elsewhere.',
  broker: "The hub's MQTT broker.",
  'broker.url': 'mqtt://host:1883 or mqtts://host:8883',
  password: 'Where the password is: { file: … }, { env: … } or { credential: … }. It never stands here itself.',
  token: 'Where the token is: { file: … }, { env: … } or { credential: … }. It never stands here itself.',
  file: 'A file that holds nothing else.',
  env: 'An environment variable.',
  credential: 'A systemd credential (LoadCredential=).',
  buffer: 'What is kept until the hub has it.',
  acceptance: 'When what was measured becomes durable.',
  health: 'What the agent says of its sources.',
  status: "The technician's page on this computer.",
  'hub.url': 'https://hub:8443',
  hub: "The hub's API, with which commissioning compares and where it keeps its sheets.",
  'buffer.maxBytes': 'Disk quota of the buffer, in bytes. What the hub has goes first, and then what buffer.full says.',
  'buffer.full':
    'evict: when everything in it is still wanted, the oldest of what matters least goes, and the hub is told. stop: nothing new is taken.',
  'buffer.replayHours': 'How long what the hub has is kept, in case it must ask again: after a restore, say.',
  keep: 'What goes first when the buffer is full: bulk, then normal, critical last. By the role unless written.',
  'acceptance.intervalMs': 'Longest time that a sample waits before it is durable.',
  'health.intervalMs': 'How often the agent says how far each source has been read.',
  'status.host': 'Address on which the page and the metrics are served; loopback unless written.',
  'status.port': "Port of the technician's page, /healthz, /readyz and /metrics. Absent: not served.",
  sources: 'One entry for each connection to an OPC UA server, or to Modbus devices.',
  id: 'Name of the connection in health tags, logs and metrics: one lower-case word.',
  endpoint: 'opc.tcp://host:4840. The host is kept, whatever the server announces.',
  security: 'sign-and-encrypt unless written. Mode none needs a waiver with a reason and an end.',
  timeoutMs: 'For the connection, and for every answer.',
  kind: 'opcua or modbus.',
  policy: 'Security policy; best is the strongest that the server offers.',
  waiver: 'Leave to do without encryption, for a year at most.',
  'waiver.reason': 'Why this connection cannot be encrypted.',
  'waiver.expires': 'Last day on which it holds, YYYY-MM-DD.',
  user: 'Who the agent is at the server; absent: anonymous.',
  name: 'For people; of a user, its name at the server.',
  certificateFile: 'PEM file of the certificate that stands for the user.',
  privateKeyFile: 'PEM file of its key.',
  time: "Whose time a sample bears: the source's, the server's or the gateway's.",
  maxSkewMs: "How far a source's or server's clock may be from the gateway's.",
  profile: 'A kind of server that is known to need other limits than it announces.',
  limits: 'Against servers that announce more than they bear; 0 is what the server says.',
  nodesPerRead: 'Most values in one Read; 0 is what the server says.',
  monitoredItemsPerCall: 'Most items in one request to monitor; 0 is what the server says.',
  nodesPerBrowse: 'Most nodes in one Browse; 0 is what the server says.',
  nodesPerHistoryRead: 'Most nodes in one HistoryRead; 0 is what the server says.',
  groups: 'Tags that are measured alike.',
  mode: 'See the allowed values.',
  publishingIntervalMs: 'How often the server sends what it has.',
  samplingIntervalMs: 'How often the server looks at a value, or we ask for it.',
  trigger: 'What must change for the server to report.',
  history: "After an outage, read what was missed from the server's history.",
  historyDays: 'What is older than so many days is not read.',
  from: 'Where to begin: a node, or a path of browse names.',
  match: 'Browse names below it joined by /; * for one name or a part of it, ** for any number.',
  under: 'Tag path of what is found: this, and then the browse names.',
  rescanMs: 'How often it is looked for again.',
  maxTags: 'Most tags that may be found.',
  discover: 'Tags by browsing: every variable that fits a pattern, looked for again now and then.',
  tags: 'Each tag is one measured value.',
  path: 'Path of the tag below the site: machining/line-1/cnc-1/state',
  node: 'nsu=<namespace URI>;s=<identifier>, or a path of browse names: /Press 1/Speed',
  index: 'One element of an array: 3, or 1,2 of a matrix.',
  elements: 'An array as so many tags, path/0 and on.',
  field: 'A field of a structure: position.x',
  type: 'float, int, bool or string. A value of another type is never converted.',
  unit: 'Unit of the value: kWh, °C, pcs. Of a device: its unit id (slave address).',
  role: 'What the tag is to the plant model; process unless written.',
  counter: 'How a counter behaves: where it rolls over, its unit per count, its fastest growth.',
  'counter.modulus': 'The value after modulus - 1 is 0.',
  'counter.scale': 'Unit per raw count: pulse weight, register resolution, CT × VT ratio.',
  'counter.maxRatePerS': 'Fastest possible growth in raw counts per second.',
  report: 'Which measurements become samples.',
  'report.mode': 'change: when value or quality changed, or the heartbeat is due. always: every measurement.',
  deadband: "Smallest change that counts, in the tag's unit.",
  deadbandPercent: "Smallest change that counts, in percent of the tag's range.",
  heartbeatMs: 'An unchanged value that is measured again is reported again after this long.',
  range: "Lowest and highest value of the measuring range, in the tag's unit.",
  transport: 'tcp, rtu (a serial line), rtu-over-tcp (a converter) or udp.',
  host: 'Name or address.',
  serial: 'A serial line, as the devices on it are set.',
  'serial.path': '/dev/ttyUSB0, better /dev/serial/by-id/…, which stays when adapters are swapped.',
  baudRate: 'As the devices on the line are set.',
  parity: 'none, even or odd, as the devices on the line are set.',
  dataBits: '7 or 8.',
  stopBits: '1 or 2.',
  port: 'TCP or UDP port.',
  devices: 'One entry for each unit on the connection.',
  intervalMs: 'How often it is read.',
  pauseMs: 'Between a reply and the next request.',
  maxRegisters: 'Most registers that the device gives in one reply.',
  maxGap: 'Registers that may be read for nothing to save a request.',
  addressing: 'How addresses are written: from 0, from 1, or as 40001.',
  byteOrder: 'By the letters of the wire: ABCD, CDAB, BADC or DCBA. "payesh-agent probe" shows all of them.',
  table: 'coil, discrete, input or holding.',
  address: 'Of the first register, as addressing says.',
  format: 'How the registers are read: uint16, int32, float32, bcd32, string, …',
  bit: 'Which bit of the register, 0 being the least significant.',
  bits: 'The number that these bits make: 4-7.',
  length: 'Registers that a string takes.',
  encoding: 'Of a string.',
  scale: 'value = raw × scale + offset.',
  offset: 'value = raw × scale + offset.',
  values: 'Texts by number: { 0: stopped, 1: running }.',
  invalid: 'What the device sends where it has no value.',
};

const tagsFile = {
  type: 'string',
  description: 'A table (CSV) of more tags, relative to this file. Its columns are the keys of a tag.',
};

interface Node {
  properties?: Record<string, Node>;
  required?: string[];
  description?: string;
  [key: string]: unknown;
}

export function describeSchema(schema: object): object {
  const { $schema, ...rest } = schema as Node;
  return { $schema, title: 'agent.yaml of a Payesh edge agent', ...visit(rest as Node, '') };
}

function visit(node: Node, name: string): Node {
  const copy: Node = {};
  for (const [key, inner] of Object.entries(node)) {
    if (key === 'properties') copy.properties = visitProperties(inner as Record<string, Node>, name);
    else if (Array.isArray(inner)) copy[key] = inner.map((each) => (isNode(each) ? visit(each, name) : each));
    else copy[key] = isNode(inner) && key !== 'default' ? visit(inner, name) : inner;
  }
  if (copy.properties?.tags) {
    copy.properties.tagsFile = tagsFile;
    if (copy.required) copy.required = copy.required.filter((key) => key !== 'tags');
  }
  return copy;
}

const visitProperties = (properties: Record<string, Node>, parent: string): Record<string, Node> =>
  Object.fromEntries(
    Object.entries(properties).map(([key, node]) => {
      const description = node.description ?? words[`${parent}.${key}`] ?? words[key];
      return [key, { ...visit(node, key), ...(description === undefined ? {} : { description }) }];
    }),
  );

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
