/** `payesh-hub agent`: the broker accounts of agents. A password is shown once, when it is made. */
import { Command, Option } from 'commander';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Access } from '../access/access.ts';
import { printJson, printTable } from './table.ts';
import { withAccess } from './with-access.ts';

export function agentCommand(open: () => Access): Command {
  const agent = new Command('agent').description('broker accounts of agents');
  const json = () => new Option('--json', 'print JSON');

  agent
    .command('add')
    .description('make an account and show its password once')
    .argument('<id>', "the agent's id, which is its MQTT user name")
    .addOption(json())
    .action((id, options, command) =>
      withAccess(command, open, (access, by) => {
        const password = access.agents.add(id, by);
        if (options.json) return printJson({ id, password });
        console.log(password);
        console.log(`This is the password of agent "${id}". Keep it now: it cannot be shown again.`);
      }),
    );

  agent
    .command('renew')
    .description('make another password in place of the one before, and show it once')
    .argument('<id>')
    .addOption(json())
    .action((id, options, command) =>
      withAccess(command, open, (access, by) => {
        const password = access.agents.renew(id, by);
        if (options.json) return printJson({ id, password });
        console.log(password);
        console.log(`This is the new password of agent "${id}"; the one before is not taken any more.`);
      }),
    );

  agent
    .command('list')
    .description('list all accounts')
    .addOption(json())
    .action((options, command) =>
      withAccess(command, open, (access) => {
        const agents = access.agents.list().map((account) => ({
          id: account.id,
          created_at: iso(account.createdAt),
          password_set_at: iso(account.passwordSetAt),
        }));
        if (options.json) return printJson(agents);
        const rows = agents.map((entry) => [entry.id, entry.created_at, entry.password_set_at]);
        printTable(['AGENT', 'CREATED', 'PASSWORD SET'], rows);
      }),
    );

  agent
    .command('remove')
    .description("remove an account; the agent's data stay")
    .argument('<id>')
    .action((id, _options, command) =>
      withAccess(command, open, (access, by) => {
        access.agents.remove(id, by);
        console.log(`Agent "${id}" is removed.`);
      }),
    );

  agent
    .command('release-key')
    .description('after its gateway was replaced: let the next commissioning sheet come with another key')
    .argument('<id>')
    .action((id, _options, command) =>
      withAccess(command, open, (access, by) => {
        access.sheets.releaseKey(id, by);
        console.log(`The key of agent "${id}" is released: the next sheet that comes names the new one.`);
      }),
    );

  agent
    .command('passwords')
    .description("print all accounts as mosquitto's password_file")
    .action((_options, command) =>
      withAccess(command, open, (access) => {
        process.stdout.write(access.agents.passwordFile());
      }),
    );

  return agent;
}

const iso = (time: TimeUs): string => `${new Date(time / 1000).toISOString().slice(0, 19)}Z`;
