/** `payesh-hub token`: makes, lists and revokes bearer tokens. A token is shown once, when it is made. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { TimeUs } from '../../protocols/sample.ts';
import type { Access } from '../access/access.ts';
import { roles } from '../access/scope.ts';
import { defaultTokenDays, maxTokenDays, type Token } from '../access/tokens.ts';
import { printJson, printTable } from './table.ts';
import { withAccess } from './with-access.ts';

export function tokenCommand(open: () => Access): Command {
  const token = new Command('token').description('bearer tokens of people and programs');
  const json = () => new Option('--json', 'print JSON');

  token
    .command('create')
    .description('make a token and show it once')
    .argument('<name>', 'whose it is: a person or a program, never both')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--site <path...>', 'sites that it sees (default: every site)')
    .option('--days <days>', `days until it expires, at most ${maxTokenDays}`, wholeNumber, defaultTokenDays)
    .addOption(json())
    .action((name, options, command) =>
      withAccess(command, open, (access, by) => {
        const request = { name, role: options.role, sites: options.site ?? '*', days: options.days };
        const made = access.tokens.create(request, by);
        if (options.json) return printJson({ token: made.secret, ...describe(made.token, made.token.createdAt) });
        console.log(made.secret);
        console.log(`Valid until ${iso(made.token.expiresAt)}. Keep it now: it cannot be shown again.`);
      }),
    );

  token
    .command('list')
    .description('list all tokens ever made')
    .addOption(json())
    .action((options, command) =>
      withAccess(command, open, (access) => {
        const now = Date.now() * 1000;
        const tokens = access.tokens.list().map((entry) => describe(entry, now));
        if (options.json) return printJson(tokens);
        const row = (entry: (typeof tokens)[number]) => {
          const sites = entry.sites === '*' ? '*' : entry.sites.join(' ');
          return [entry.name, entry.role, sites, entry.state, entry.expires_at, entry.last_used_at];
        };
        printTable(['NAME', 'ROLE', 'SITES', 'STATE', 'EXPIRES', 'LAST USED'], tokens.map(row));
      }),
    );

  token
    .command('revoke')
    .description('refuse a token from now on')
    .argument('<name>')
    .action((name, _options, command) =>
      withAccess(command, open, (access, by) => {
        access.tokens.revoke(name, by);
        console.log(`Token "${name}" is revoked.`);
      }),
    );

  return token;
}

const describe = (token: Token, now: TimeUs) => ({
  name: token.name,
  role: token.role,
  sites: token.sites,
  state: token.revokedAt !== null ? 'revoked' : token.expiresAt <= now ? 'expired' : 'valid',
  created_at: iso(token.createdAt),
  expires_at: iso(token.expiresAt),
  last_used_at: token.lastUsedAt === null ? null : iso(token.lastUsedAt),
  revoked_at: token.revokedAt === null ? null : iso(token.revokedAt),
});

const iso = (time: TimeUs): string => `${new Date(time / 1000).toISOString().slice(0, 19)}Z`;

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
