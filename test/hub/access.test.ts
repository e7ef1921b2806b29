/** Tokens, broker accounts and the audit chain, on a real SQLite file; mosquitto reads the password file it exports. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import t, { type Test } from 'tap';
import { openAccess } from '../../hub/access/access.ts';
import { inScope } from '../../hub/access/scope.ts';
import { agentCommand } from '../../hub/commands/agent.ts';
import { tokenCommand } from '../../hub/commands/token.ts';
import { canonicalJson, type Json } from '../../protocols/canonical-json.ts';
import { ConfigError } from '../../protocols/errors.ts';
import { fc } from '../support/drawn.ts';
import { freePort } from '../support/ports.ts';

const day = 86_400_000_000;

function open(t: Test, name = 'access.db') {
  const clock = { time: 1_750_000_000_000_000, now: () => clock.time };
  const file = join(t.testdir(), name);
  const access = openAccess(file, { clock });
  t.teardown(() => access[Symbol.dispose]());
  return { access, clock, file };
}

t.test('tokens', async (t) => {
  t.test('a token authenticates with its role and sites, and only its hash is on the disk', async (t) => {
    const { access, clock, file } = open(t);
    const { secret, token } = access.tokens.create({ name: 'Sara', role: 'analyst', sites: ['sahand/plant'] }, 'test');
    t.match(secret, /^pay_[A-Za-z0-9_-]{43}$/);
    t.equal(token.expiresAt, clock.time + 90 * day);
    t.match(access.tokens.authenticate(secret), { name: 'Sara', role: 'analyst', sites: ['sahand/plant'] });
    t.equal(access.tokens.authenticate(`${secret}x`), undefined);
    const bytes = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)]);
    t.notOk(bytes.includes(secret), 'the secret is in neither file');
    t.equal(statSync(file).mode & 0o777, 0o600);
  });

  t.test('an expired or revoked token is refused, also where a connection stays open', async (t) => {
    const { access, clock } = open(t);
    const short = access.tokens.create({ name: 'short', role: 'analyst', days: 1 }, 'test');
    const gone = access.tokens.create({ name: 'gone', role: 'analyst' }, 'test');
    t.ok(access.tokens.isValid(short.token.id));
    access.tokens.revoke('gone', 'test');
    t.equal(access.tokens.authenticate(gone.secret), undefined);
    t.notOk(access.tokens.isValid(gone.token.id));
    clock.time += day;
    t.equal(access.tokens.authenticate(short.secret), undefined);
    t.notOk(access.tokens.isValid(short.token.id));
    t.throws(() => access.tokens.revoke('nobody', 'test'), { name: 'RejectedError', reason: 'unknown' });
  });

  t.test('a revocation by another process counts at once', async (t) => {
    const { access, clock, file } = open(t);
    const { secret } = access.tokens.create({ name: 'shared', role: 'manager' }, 'test');
    {
      using other = openAccess(file, { clock });
      other.tokens.revoke('shared', 'cli:somebody');
    }
    t.equal(access.tokens.authenticate(secret), undefined);
  });

  t.test('a name is given once, and limits are kept', async (t) => {
    const { access } = open(t);
    access.tokens.create({ name: 'grafana', role: 'analyst' }, 'test');
    access.tokens.revoke('grafana', 'test');
    t.throws(() => access.tokens.create({ name: 'grafana', role: 'analyst' }, 'test'), {
      name: 'RejectedError',
      reason: 'taken',
    });
    t.throws(() => access.tokens.create({ name: 'long', role: 'analyst', days: 366 }, 'test'), {
      name: 'RejectedError',
      reason: 'invalid',
    });
    t.throws(() => access.tokens.create({ name: 'none', role: 'analyst', sites: [] }, 'test'), {
      name: 'RejectedError',
      reason: 'invalid',
    });
    t.throws(() => access.tokens.create({ name: '\u001b[2J', role: 'analyst' }, 'test'), {
      name: 'RejectedError',
      reason: 'invalid',
    });
    t.equal(access.tokens.list().length, 1);
    t.equal(access.audit.list(0, 10).length, 2, 'what was refused is not in the log');
  });

  t.test('the first start makes one admin token and no start ever makes another', async (t) => {
    const { access } = open(t);
    const first = access.tokens.ensureFirst();
    t.match(access.tokens.authenticate(first!.secret), { name: 'first-admin', role: 'admin', sites: '*' });
    t.equal(access.tokens.ensureFirst(), undefined);
    access.tokens.revoke('first-admin', 'test');
    t.equal(access.tokens.ensureFirst('x'.repeat(40)), undefined, 'not even when the first one is revoked');
  });

  t.test('a preset first token works, unless it is too short to be a secret', async (t) => {
    const { access } = open(t);
    t.throws(() => access.tokens.ensureFirst('secret'), { name: 'RejectedError', reason: 'invalid' });
    access.tokens.ensureFirst('a-preset-of-forty-characters-and-some-more');
    t.match(access.tokens.authenticate('a-preset-of-forty-characters-and-some-more'), { role: 'admin' });
  });

  t.test('last use is kept to the minute', async (t) => {
    const { access, clock } = open(t);
    const { secret } = access.tokens.create({ name: 'used', role: 'analyst' }, 'test');
    t.equal(access.tokens.list()[0]!.lastUsedAt, null);
    const first = clock.time;
    access.tokens.authenticate(secret);
    clock.time += 59_000_000;
    access.tokens.authenticate(secret);
    t.equal(access.tokens.list()[0]!.lastUsedAt, first);
    clock.time += 1_000_000;
    access.tokens.authenticate(secret);
    t.equal(access.tokens.list()[0]!.lastUsedAt, clock.time);
  });
});

t.test('a site scope ends at a path separator', async (t) => {
  t.ok(inScope(['a/plant'], 'a/plant'));
  t.ok(inScope(['a/plant'], 'a/plant/unit/tag'));
  t.notOk(inScope(['a/plant'], 'a/plant-2/unit/tag'));
  t.notOk(inScope(['a/plant'], 'a'));
  t.notOk(inScope([], 'a'));
  t.ok(inScope('*', 'anything'));
});

t.test('agents', async (t) => {
  t.test('an account has a password of its own, shown once', async (t) => {
    const { access } = open(t);
    const password = access.agents.add('machining', 'test');
    t.ok(access.agents.verify('machining', password));
    t.notOk(access.agents.verify('machining', `${password}x`));
    t.notOk(access.agents.verify('packaging', password));
    t.throws(() => access.agents.add('machining', 'test'), { name: 'RejectedError', reason: 'taken' });
    const renewed = access.agents.renew('machining', 'test');
    t.ok(access.agents.verify('machining', renewed));
    t.notOk(access.agents.verify('machining', password), 'the one before is not taken any more');
    access.agents.setPassword('machining', password, 'test');
    t.throws(() => access.agents.renew('nobody', 'test'), { name: 'RejectedError', reason: 'unknown' });
    t.throws(() => access.agents.add('../etc', 'test'), { name: 'RejectedError', reason: 'invalid' });
    access.agents.remove('machining', 'test');
    t.notOk(access.agents.verify('machining', password));
    t.throws(() => access.agents.remove('machining', 'test'), { name: 'RejectedError', reason: 'unknown' });
  });

  t.test('a given password is set once: the same again at the next start is no event', async (t) => {
    const { access } = open(t);
    access.agents.setPassword('hub-ingest', 'correct horse battery', 'hub');
    access.agents.setPassword('hub-ingest', 'correct horse battery', 'hub');
    access.agents.setPassword('hub-ingest', 'another horse battery', 'hub');
    t.ok(access.agents.verify('hub-ingest', 'another horse battery'));
    t.throws(() => access.agents.setPassword('hub-ingest', 'short', 'hub'), {
      name: 'RejectedError',
      reason: 'invalid',
    });
    t.same(
      access.audit.list(0, 10).map((event) => event.what),
      ['agent.add', 'agent.password'],
    );
    t.notOk(JSON.stringify(access.audit.list(0, 10)).includes('horse'), 'no password is in the log');
  });

  const installed = spawnSync('mosquitto_pub', ['--help']).error === undefined;
  const skip = installed || process.env.PAYESH_REQUIRE_COUNTERPARTS === '1' ? false : 'mosquitto is not installed';
  t.test('mosquitto accepts the exported password file', { skip }, async (t) => {
    const { access } = open(t);
    const password = access.agents.add('machining', 'test');
    access.agents.setPassword('hub-ingest', 'correct horse battery', 'hub');
    const port = await freePort();
    const folder = t.testdir({ passwords: access.agents.passwordFile() });
    const config = `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${join(folder, 'passwords')}\nuser root\n`;
    writeFileSync(join(folder, 'mosquitto.conf'), config);
    const broker = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
    t.teardown(() => broker.kill());
    const publish = (user: string, secret: string): number | null => {
      const args = ['-h', '127.0.0.1', '-p', String(port), '-u', user, '-P', secret, '-t', 'x', '-m', 'y', '-q', '1'];
      return spawnSync('mosquitto_pub', args, { timeout: 30_000 }).status;
    };
    for (let tries = 0; tries < 50 && publish('machining', password) !== 0; tries++) await delay(50);
    t.equal(publish('machining', password), 0);
    t.equal(publish('hub-ingest', 'correct horse battery'), 0);
    t.not(publish('machining', 'wrong'), 0);
    t.not(publish('packaging', password), 0);
  });
});

t.test('audit', async (t) => {
  t.test('events are numbered, chained and verified; the file refuses to change them', async (t) => {
    const { access, file } = open(t);
    for (let i = 0; i < 5; i++) access.audit.append({ who: 'Sara', what: 'export.begin', object: `tag ${i}` });
    const verdict = access.audit.verify();
    t.match(verdict, { ok: true, events: 5, head: access.audit.head() });
    t.same(
      access.audit.list(3, 10).map((event) => [event.number, event.object, event.details]),
      [
        [4, 'tag 3', {}],
        [5, 'tag 4', {}],
      ],
    );
    const db = new Sqlite(file);
    t.teardown(() => db.close());
    t.throws(() => db.exec('DELETE FROM audit WHERE number = 5'), /append-only/);
    t.throws(() => db.exec("UPDATE audit SET event = '{}'"), /append-only/);
  });

  const forgeries = {
    'an altered event': "UPDATE audit SET event = replace(event, 'tag 2', 'tag 9')",
    'a removed event': 'DELETE FROM audit WHERE number = 3',
    'a swapped hash': 'UPDATE audit SET hash = randomblob(32) WHERE number = 3',
  };
  for (const [name, forgery] of Object.entries(forgeries)) {
    t.test(`${name} is found`, async (t) => {
      const { access, file } = open(t);
      for (let i = 0; i < 5; i++) access.audit.append({ who: 'Sara', what: 'export.begin', object: `tag ${i}` });
      const db = new Sqlite(file);
      db.exec(`DROP TRIGGER audit_keeps; DROP TRIGGER audit_stays; ${forgery}`);
      db.close();
      t.match(access.audit.verify(), { ok: false });
    });
  }

  t.test('an end that was cut off is found by whoever noted the head', async (t) => {
    const { access, file } = open(t);
    for (let i = 0; i < 5; i++) access.audit.append({ who: 'Sara', what: 'export.begin', object: `tag ${i}` });
    const witness = access.audit.head();
    t.match(access.audit.verify(witness), { ok: true });
    const db = new Sqlite(file);
    db.exec('DROP TRIGGER audit_stays; DELETE FROM audit WHERE number = 5');
    db.close();
    t.match(access.audit.verify(), { ok: true, events: 4 });
    t.match(access.audit.verify(witness), { ok: false, number: 5 });
    access.audit.append({ who: 'Sara', what: 'export.begin', object: 'another' });
    t.match(access.audit.verify(witness), { ok: false, number: 5 }, 'also when another was put in its place');
  });

  t.test('two processes write one chain', async (t) => {
    const { access, file, clock } = open(t);
    using other = openAccess(file, { clock });
    for (let i = 0; i < 10; i++) (i % 2 ? access : other).audit.append({ who: 'x', what: 'y', object: String(i) });
    t.match(access.audit.verify(), { ok: true, events: 10 });
  });

  t.test('canonical JSON is one text per value, whatever the order of keys', async (t) => {
    t.equal(canonicalJson({ b: [1, { d: null, c: 'é' }], a: -0.5 }), '{"a":-0.5,"b":[1,{"c":"é","d":null}]}');
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as Json);
        return canonicalJson(JSON.parse(text)) === text;
      }),
    );
  });
});

t.test('an unusable file is a configuration error with a hint', async (t) => {
  t.throws(() => openAccess(join(t.testdir(), 'no-folder', 'access.db')), ConfigError);
  const file = join(
    t.testdir({ 'access.db': 'not a database, but long enough to look like one'.repeat(20) }),
    'access.db',
  );
  t.throws(() => openAccess(file), { name: 'ConfigError', path: file });
});

t.test('commands', async (t) => {
  t.test('token create, list and revoke work on the file of a running hub and are audited', async (t) => {
    const { access, file } = open(t);
    const run = runner(t, () => tokenCommand(() => openAccess(file)));
    const made = JSON.parse(
      run('create', 'Sara', '--role', 'analyst', '--site', 'a/one', 'a/two', '--days', '7', '--json'),
    );
    t.match(made, { name: 'Sara', role: 'analyst', sites: ['a/one', 'a/two'], state: 'valid' });
    t.match(run('list'), /^NAME +ROLE +SITES +STATE .*\nSara +analyst +a\/one a\/two +valid/);
    run('revoke', 'Sara');
    t.match(JSON.parse(run('list', '--json')), [{ name: 'Sara', state: 'revoked' }]);
    t.match(access.audit.list(0, 10), [{ what: 'token.create', who: /^cli:/ }, { what: 'token.revoke' }]);
    t.throws(() => run('revoke', 'nobody'), { code: 'commander.error', exitCode: 1 });
    t.throws(() => run('create', 'x', '--role', 'god'), { code: 'commander.invalidArgument' });
  });

  t.test('agent add, list, passwords and remove', async (t) => {
    const { access, file } = open(t);
    const run = runner(t, () => agentCommand(() => openAccess(file)));
    const { password } = JSON.parse(run('add', 'machining', '--json'));
    t.ok(access.agents.verify('machining', password));
    t.match(run('list'), /^AGENT .*\nmachining /);
    t.match(JSON.parse(run('list', '--json')), [{ id: 'machining' }]);
    t.equal(run('passwords'), access.agents.passwordFile());
    run('remove', 'machining');
    t.same(access.agents.list(), []);
  });
});

/** Runs a command's line and returns what it printed. */
function runner(t: Test, create: () => ReturnType<typeof tokenCommand>) {
  return (...args: string[]): string => {
    const logged = t.capture(console, 'log');
    const written = t.capture(process.stdout, 'write', () => true);
    const command = create();
    for (const each of [command, ...command.commands]) each.exitOverride().configureOutput({ writeErr: () => {} });
    try {
      command.parse(args, { from: 'user' });
    } finally {
      logged.restore();
      written.restore();
    }
    const lines = logged().map((call) => `${call.args[0]}\n`);
    return [...lines, ...written().map((call) => call.args[0])].join('');
  };
}
