/** The units for systemd: every directive is known to systemd itself, and little is left open to the process. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const skip = existsSync('/usr/bin/systemd-analyze') ? false : 'systemd is not installed';

for (const name of ['payesh-agent.service', 'payesh-hub.service']) {
  const text = readFileSync(join(root, 'deploy/systemd', name), 'utf8');

  t.test(`${name} starts what is there, and comes back unless its configuration is wrong`, async (t) => {
    const [, ...files] = /^ExecStart=(\S+).* (\S+\.mjs) /m.exec(text)!;
    for (const file of files) t.ok(existsSync(file.replace('/opt/payesh', root)), file);
    t.match(text, /^Restart=always$/m);
    t.match(text, /^RestartPreventExitStatus=78$/m);
    t.notMatch(text, /^WatchdogSec=/m, 'nothing here tells systemd that it lives');
  });

  t.test(`${name} has only what systemd knows, and an exposure of at most 2.0`, { skip }, async (t) => {
    const unit = join(t.testdir(), name);
    const here = text.replaceAll('/opt/payesh', root);
    writeFileSync(unit, here);
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    t.equal(stdout + stderr, '');
    const graded = await run('systemd-analyze', ['security', '--offline=yes', '--threshold=20', '--no-pager', unit]);
    t.match(graded.stdout, /Overall exposure level for payesh-[a-z]+\.service: [01]\.\d /);
    writeFileSync(unit, here.replace('ProtectHome=', 'ProtectHouse='));
    const wrong = await run('systemd-analyze', ['verify', '--man=no', unit]).catch((error) => error);
    t.match(wrong.stderr, /ProtectHouse/, 'a misspelt one is found');
  });
}
