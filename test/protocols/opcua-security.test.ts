/** Whom the agent talks to and how: endpoints, servers' certificates and their approval, users, its own certificate. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigError, type ConnectionError, RejectedError } from '../../protocols/errors.ts';
import { certificateNotAfter, openOwnCertificate, renewOwnCertificate } from '../../protocols/opcua/certificate.ts';
import { opcuaConnectionSchema } from '../../protocols/opcua/connection-config.ts';
import { listOffers } from '../../protocols/opcua/explore.ts';
import { connectOpcua } from '../../protocols/opcua/session.ts';
import { openTrustList } from '../../protocols/opcua/trust.ts';
import { startTestServer, type TestServerOptions } from '../support/opcua-server.ts';

const root = t.testdir();
const applicationUri = 'urn:payesh:test:server';
const never = new AbortController().signal;
const waiver = { reason: 'a server of the test, on loopback', expires: inDays(30) };

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}
let folders = 0;
const newFolder = (): string => {
  const folder = join(root, `d${folders++}`);
  mkdirSync(folder);
  return folder;
};
const startServer = (more: Partial<TestServerOptions> = {}) =>
  startTestServer({
    port: 0,
    pkiDir: join(root, 'pki'),
    namespaces: [],
    nodes: [{ namespace: 'urn:a', name: 'x', base: 0 }],
    tickMs: 1000,
    ...more,
  });

/** Connects, opens a session and leaves; what it was refused with, or undefined. */
async function tryIt(
  endpoint: string,
  dataDir: string,
  more: object = {},
  password = '',
): Promise<ConnectionError | undefined> {
  const config = opcuaConnectionSchema.parse({ endpoint, timeoutMs: 5000, ...more });
  const context = { dataDir, secret: () => password, log: { info() {}, warn() {} } };
  try {
    await using connection = await connectOpcua(config, context, never);
    await using session = await connection.openSession();
    if (session.namespaces.uris[0] !== 'http://opcfoundation.org/UA/') throw new Error('no session');
    return undefined;
  } catch (error) {
    return error as ConnectionError;
  }
}
/** A folder in which the server is trusted. */
async function trusting(endpoint: string): Promise<string> {
  const dataDir = newFolder();
  await tryIt(endpoint, dataDir);
  const list = openTrustList(dataDir);
  for (const { thumbprint } of list.list()) list.trust(thumbprint, 'the test');
  return dataDir;
}

/** Made by OpenSSL, which makes what the library would not. */
function makeCertificate(name: string, { bits = 2048, hash = 'sha256', uri = applicationUri, from = -1, to = 300 }) {
  const [certificateFile, privateKeyFile] = [join(root, `${name}.pem`), join(root, `${name}.key`)];
  const day = (days: number) => `${inDays(days).replaceAll('-', '')}000000Z`;
  const key = ['genrsa', '-out', privateKeyFile, String(bits)];
  execFileSync('openssl', key, { stdio: 'ignore' });
  const config = join(root, `${name}.cnf`);
  writeFileSync(
    config,
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${root}/${name}.db\nnew_certs_dir=${root}\nserial=${root}/${name}.srl\ndefault_md=${hash}\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n[req]\ndistinguished_name=n\nprompt=no\n[n]\nCN=test server\n[e]\nsubjectAltName=URI:${uri},IP:127.0.0.1\nkeyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyCertSign\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:false\n`,
  );
  writeFileSync(join(root, `${name}.db`), '');
  writeFileSync(join(root, `${name}.srl`), '01');
  const request = join(root, `${name}.csr`);
  execFileSync('openssl', ['req', '-new', '-key', privateKeyFile, '-config', config, '-out', request], {
    stdio: 'ignore',
  });
  const validity = ['-startdate', day(from), '-enddate', day(to)];
  const sign = ['ca', '-batch', '-notext', '-selfsign', '-config', config, '-keyfile', privateKeyFile, '-in', request];
  execFileSync('openssl', [...sign, '-out', certificateFile, ...validity], { stdio: 'ignore' });
  return { certificateFile, privateKeyFile };
}

t.test('a server is used only after a technician has approved its certificate, and then at once', async (t) => {
  await using server = await startServer();
  const dataDir = newFolder();
  const refusal = await tryIt(server.endpoint, dataDir);
  const list = openTrustList(dataDir);
  const [pending] = list.list();
  const thumbprint = new X509Certificate(server.server.getCertificate()).fingerprint256
    .replaceAll(':', '')
    .toLowerCase();
  t.match(pending, { thumbprint, applicationUri, state: 'pending', endpoint: server.endpoint });
  t.match(refusal, { name: 'ConnectionError', code: 'server-not-trusted' });
  t.ok(refusal?.message.includes(`payesh-agent trust ${thumbprint}`), 'the message says what to do');

  const { fingerprint256 } = new X509Certificate(server.server.getCertificate());
  t.match(list.trust(fingerprint256, 'Sara'), { thumbprint, state: 'trusted', trustedBy: 'Sara' });
  t.match(list.list(), [{ thumbprint, state: 'trusted' }], 'as typed from a display, with colons');
  t.equal(await tryIt(server.endpoint, dataDir), undefined);

  list.forget(thumbprint);
  t.match(await tryIt(server.endpoint, dataDir), { code: 'server-not-trusted' });
  t.throws(() => list.trust('ab'.repeat(32), 'Sara'), RejectedError);
  t.throws(() => list.trust('../../x', 'Sara'), RejectedError);
});

t.test('what is kept of servers is for the agent alone, bounded, and no file in it can make trust', async (t) => {
  await using server = await startServer();
  const dataDir = newFolder();
  const list = openTrustList(dataDir);
  const der = server.server.getCertificate();
  const identity = (i: number) => ({
    ...{ applicationUri, applicationName: '', subject: 'CN=x', notAfter: new Date(Date.now() + 1e9), der },
    thumbprint: i.toString(16).padStart(64, '0'),
  });
  for (let i = 0; i < 60; i++) list.keepPending(identity(i), 'opc.tcp://x:1');
  t.equal(list.list().length, 50);
  const folder = join(dataDir, 'opcua', 'servers', 'pending');
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, readdirSync(folder)[0]!)).mode & 0o777, 0o600);

  const { thumbprint } = identity(59);
  list.trust(thumbprint, 'me');
  t.notOk(list.isTrusted(der, applicationUri), 'another thumbprint');
  const real = new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase();
  list.keepPending({ ...identity(0), thumbprint: real }, 'opc.tcp://x:1');
  list.trust(real, 'me');
  t.ok(list.isTrusted(der, applicationUri));
  t.notOk(list.isTrusted(der, 'urn:other'), 'another ApplicationUri');
  writeFileSync(join(dataDir, 'opcua', 'servers', 'trusted', `${real}.json`), 'damaged');
  t.notOk(list.isTrusted(der, applicationUri), 'a damaged file');
});

t.test('an endpoint is taken by mode and policy: the strongest that we know, never a weaker one', async (t) => {
  const strong = { security: { mode: 'sign-and-encrypt' } };
  await using server = await startServer();
  const dataDir = await trusting(server.endpoint);
  for (const mode of ['sign', 'sign-and-encrypt']) {
    for (const policy of ['best', 'aes256-sha256-rsapss', 'aes128-sha256-rsaoaep', 'basic256sha256']) {
      t.equal(await tryIt(server.endpoint, dataDir, { security: { mode, policy } }), undefined, `${mode} ${policy}`);
    }
  }
  t.equal(
    await tryIt(server.endpoint, dataDir, { security: { mode: 'none', waiver } }),
    undefined,
    'none, with a waiver',
  );
  const { offers, identity } = await listOffers(server.endpoint, { timeoutMs: 5000, dataDir }, never);
  t.match(offers[0], {
    mode: 'sign-and-encrypt',
    policy: 'aes256-sha256-rsapss',
    supported: true,
    users: ['name', 'certificate', 'anonymous'],
  });
  t.equal(offers.length, 7);
  t.equal(identity?.applicationUri, applicationUri);

  await using weak = await startServer({ onlyNone: true });
  const refusal = await tryIt(weak.endpoint, dataDir, strong);
  t.match(refusal, { code: 'no-such-endpoint', message: /does not offer sign-and-encrypt, only None None.*waiver/ });
  t.equal(weak.calls('CreateSession'), 0, 'no session was tried');
  for (const policy of ['basic256', 'basic128rsa15', 'none']) {
    t.throws(
      () => opcuaConnectionSchema.parse({ endpoint: 'opc.tcp://x', security: { mode: 'sign', policy } }),
      policy,
    );
  }
});

t.test(
  'certificates that nobody can approve: too short a key, SHA-1, another ApplicationUri, not yet valid',
  async (t) => {
    const cases: [string, Parameters<typeof makeCertificate>[1], RegExp][] = [
      ['short', { bits: 1024 }, /1024 bits/],
      ['sha1', { hash: 'sha1' }, /sha1/i],
      ['uri', { uri: 'urn:somebody:else' }, /is for "urn:somebody:else"/],
      ['future', { from: 2 }, /not valid before.*clocks/],
    ];
    for (const [name, options, message] of cases) {
      await using server = await startServer(makeCertificate(name, options));
      const dataDir = newFolder();
      t.match(await tryIt(server.endpoint, dataDir), { code: 'server-refused', message }, name);
      t.same(openTrustList(dataDir).list(), [], 'is not even asked about');
    }
  },
);

t.test('an approval ends with the certificate; one that is given after that holds', async (t) => {
  await using server = await startServer(makeCertificate('expired', { from: -20, to: -2 }));
  const dataDir = newFolder();
  t.match(await tryIt(server.endpoint, dataDir), { code: 'server-not-trusted', message: /It expired on/ });
  const list = openTrustList(dataDir);
  const { thumbprint } = list.list()[0]!;
  const trusted = join(dataDir, 'opcua', 'servers', 'trusted', `${thumbprint}.json`);
  list.trust(thumbprint, 'me');
  const file = JSON.parse(readFileSync(trusted, 'utf8'));
  t.equal(await tryIt(server.endpoint, dataDir), undefined, 'approved though it had expired');
  writeFileSync(trusted, JSON.stringify({ ...file, trustedAt: new Date(Date.now() - 10 * 86_400_000) }));
  t.match(await tryIt(server.endpoint, dataDir), { code: 'server-not-trusted' }, 'approved while it was valid');
  t.same(
    list
      .list()
      .map(({ state }) => state)
      .sort(),
    ['pending', 'trusted'],
  );
  list.trust(thumbprint, 'me');
  t.equal(await tryIt(server.endpoint, dataDir), undefined, 'and approved anew');
});

t.test('a renewed certificate waits for approval, and the old approval goes on for nothing else', async (t) => {
  const dataDir = newFolder();
  {
    await using server = await startServer(makeCertificate('old', {}));
    await tryIt(server.endpoint, dataDir);
    for (const { thumbprint } of openTrustList(dataDir).list()) openTrustList(dataDir).trust(thumbprint, 'me');
    t.equal(await tryIt(server.endpoint, dataDir), undefined);
  }
  await using server = await startServer(makeCertificate('renewed', {}));
  t.match(await tryIt(server.endpoint, dataDir), { code: 'server-not-trusted' });
  t.same(
    openTrustList(dataDir)
      .list()
      .map(({ state }) => state)
      .sort(),
    ['pending', 'trusted'],
  );
});

t.test('a server with the approved certificate but not its key gets nothing', async (t) => {
  await using honest = await startServer(makeCertificate('honest', {}));
  const dataDir = await trusting(honest.endpoint);
  const mine = makeCertificate('thief', {});
  const shown = honest.server.getCertificate();
  await using thief = await startServer(mine);
  // It shows the honest server's certificate in its endpoints and answers with a key of its own.
  for (const endpoint of thief.server.endpoints) {
    for (const description of endpoint.endpointDescriptions()) {
      Object.defineProperty(description, 'serverCertificate', { value: shown });
    }
  }
  const { identity } = await listOffers(thief.endpoint, { timeoutMs: 5000, dataDir }, never);
  t.ok(shown.equals(identity!.der), 'it shows the approved one');
  t.match(await tryIt(thief.endpoint, dataDir), { name: 'ConnectionError', message: /connecting/ });
  t.equal(thief.calls('CreateSession'), 0);
});

t.test('users: by name over encryption only, or by certificate; the wrong one is told apart', async (t) => {
  await using server = await startServer({ users: { reader: 'right' } });
  const dataDir = await trusting(server.endpoint);
  const user = { name: 'reader', password: { env: 'PASSWORD' } };
  t.equal(await tryIt(server.endpoint, dataDir, { user }, 'right'), undefined);
  t.match(await tryIt(server.endpoint, dataDir, { user }, 'wrong'), {
    code: 'user-refused',
    message: /BadUserAccessDenied|BadIdentityTokenRejected/,
  });
  t.match(await tryIt(server.endpoint, dataDir), { code: 'user-refused' }, 'anonymous');

  const person = makeCertificate('person', {});
  const { certificateFile, privateKeyFile } = person;
  const byCertificate = { user: { certificateFile, privateKeyFile } };
  t.equal(await tryIt(server.endpoint, dataDir, byCertificate), undefined, 'by certificate');
  const absent = { user: { certificateFile: join(root, 'absent.pem'), privateKeyFile } };
  t.match(await tryIt(server.endpoint, dataDir, absent), { name: 'ConfigError', path: join(root, 'absent.pem') });
  const noKey = { user: { certificateFile, privateKeyFile: certificateFile } };
  t.match(await tryIt(server.endpoint, dataDir, noKey), { name: 'ConfigError' }, 'no key in the file');
});

t.test('the configured host is kept, whatever URL the server announces', async (t) => {
  await using server = await startServer({ announcedHost: '169.254.7.7' });
  const tried = new Set<string>();
  const watch = (message: unknown) => {
    (message as { socket: Socket }).socket.on('connectionAttempt', (ip: string) => tried.add(ip));
  };
  subscribe('net.client.socket', watch);
  t.teardown(() => unsubscribe('net.client.socket', watch));
  const dataDir = await trusting(server.endpoint);
  const { offers } = await listOffers(server.endpoint, { timeoutMs: 5000, dataDir }, never);
  t.ok(
    offers.every(({ url }) => url.startsWith('opc.tcp://169.254.7.7:')),
    'it lies',
  );
  for (const security of [{ mode: 'none', waiver }, { mode: 'sign' }, { mode: 'sign-and-encrypt' }]) {
    t.equal(await tryIt(server.endpoint, dataDir, { security }), undefined, security.mode);
  }
  t.same([...tried], ['127.0.0.1']);
});

t.test('a server that does not trust the agent yet: the error says what to approve there', async (t) => {
  const { OPCUACertificateManager } = await import('node-opcua');
  const rootFolder = join(root, 'strict');
  const serverCertificateManager = new OPCUACertificateManager({
    rootFolder,
    automaticallyAcceptUnknownCertificate: false,
  });
  await using server = await startServer({ more: { serverCertificateManager } });
  const dataDir = await trusting(server.endpoint);
  const { sha1, subject } = await openOwnCertificate(dataDir);
  const refusal = await tryIt(server.endpoint, dataDir);
  t.equal(refusal?.code, 'agent-not-trusted');
  t.ok(refusal?.message.includes(sha1) && refusal.message.includes(subject));
});

t.test('its own certificate is renewed only when asked, with the same key and ApplicationUri', async (t) => {
  const dataDir = newFolder();
  t.equal(certificateNotAfter(dataDir), undefined);
  const before = await openOwnCertificate(dataDir);
  t.same((await openOwnCertificate(dataDir)).sha1, before.sha1);
  t.ok(certificateNotAfter(dataDir)!.getTime() > Date.now() + 700 * 86_400_000);
  t.ok(before.applicationUri.endsWith(':payesh-agent'));

  const { kept, notAfter } = await renewOwnCertificate(dataDir);
  const after = await openOwnCertificate(dataDir);
  t.not(after.sha1, before.sha1);
  t.equal(after.applicationUri, before.applicationUri);
  t.same(after.notAfter, notAfter);
  const keyOf = ({ keyPair }: typeof before) =>
    new X509Certificate(keyPair.getCertificate()).publicKey.export({ format: 'jwk' });
  t.same(keyOf(after), keyOf(before));
  t.equal(statSync(kept).mode & 0o777, 0o600);
  t.same(readdirSync(join(dataDir, 'opcua')).length, 2);

  await using server = await startServer();
  const own = await trusting(server.endpoint);
  await renewOwnCertificate(own);
  t.equal(await tryIt(server.endpoint, own), undefined, 'and it works');
  const file = join(own, 'opcua', 'own.pem');
  writeFileSync(file, 'damaged');
  await t.rejects(renewOwnCertificate(own), ConfigError);
  t.throws(() => certificateNotAfter(own), ConfigError);
  t.equal(readFileSync(file, 'utf8'), 'damaged', 'is left for the operator');
});

t.test('the agent calls itself what its certificate says, though the machine has another name by now', async (t) => {
  await using server = await startServer();
  const announced: string[] = [];
  server.server.on('create_session', ({ clientDescription }) => announced.push(`${clientDescription?.applicationUri}`));
  const dataDir = await trusting(server.endpoint);
  const { certificateFile, privateKeyFile } = makeCertificate('moved', { uri: 'urn:old-name:payesh-agent' });
  const pem = `${readFileSync(privateKeyFile, 'utf8')}${readFileSync(certificateFile, 'utf8')}`;
  writeFileSync(join(dataDir, 'opcua', 'own.pem'), pem);
  t.equal(await tryIt(server.endpoint, dataDir), undefined);
  t.same(announced, ['urn:old-name:payesh-agent']);
});

t.test('nothing in the driver accepts unknown certificates by itself', (t: Test) => {
  const folder = join(import.meta.dirname, '../../protocols/opcua');
  for (const name of readdirSync(folder)) {
    const source = readFileSync(join(folder, name), 'utf8');
    t.notMatch(source, /automaticallyAcceptUnknownCertificate\s*:\s*(?!false)|autoAcceptUnknown\s*:\s*(?!false)/, name);
  }
  t.end();
});
