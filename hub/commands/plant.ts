/** `payesh-hub plant`: is a plant file right, what would it change, apply it; and which models a hub has. */
import { Command, Option } from 'commander';
import { readText } from '../../config/load.ts';
import { askHub, type HubAddress } from './ask-hub.ts';
import { asked } from './delivery/asked.ts';
import { plantBaselineCommand } from './plant-baseline.ts';
import { readPlant } from './read-plant.ts';
import { printJson, printTable } from './table.ts';

interface VersionJson {
  readonly site: string;
  readonly version: number;
  readonly author: string;
  readonly applied_at: string;
  readonly why: string;
}

interface Wanted {
  readonly path: string;
  readonly asset: string;
  readonly role: string;
}

interface BindingsJson {
  readonly bound: readonly Wanted[];
  readonly missing: readonly Wanted[];
  readonly misfits: readonly (Wanted & { readonly type: string })[];
  readonly unbound: readonly { readonly path: string; readonly agent: string }[];
}

interface CheckedJson {
  readonly site: string;
  readonly changes: readonly string[];
  readonly computed_anew: { readonly from: string | null; readonly to: string | null } | null;
  readonly bindings: BindingsJson;
}

export function plantCommand(): Command {
  const plant = new Command('plant').description('plant models: sites, calendars, assets, meters, tariffs, contracts');
  const file = ['<file>', 'the plant file, YAML'] as const;

  plant
    .command('check')
    .description('is a plant file right; with --url or --token also what its tags are bound to at that hub')
    .argument(...file)
    .option('--url <url>', 'a hub to ask about tags')
    .addOption(new Option('--token <token>', 'PAYESH_TOKEN by default'))
    .option('--json', 'print JSON')
    .action(async (path: string, { url, token, json }) => {
      const { site, areas, meters } = readPlant(readText(path), path);
      const hub = url === undefined && token === undefined ? undefined : address({ url, token });
      const bindings = hub && (await checkAt(hub, path)).bindings;
      if (json) return printJson({ site, ok: true, ...(bindings && { bindings }) });
      const units = areas.flatMap(({ lines }) => lines.flatMap((line) => line.units)).length;
      console.log(`${path} is right: ${site}, ${units} units, ${meters.length} meters.`);
      if (bindings) printBindings(bindings);
    });

  asked(plant.command('diff').argument(...file))
    .description('what a plant file would change at the hub, in words')
    .action(async (path: string, { json, ...hub }) => {
      readPlant(readText(path), path);
      const checked = await checkAt(hub, path);
      if (json) return printJson(checked);
      printChanges(checked);
    });

  asked(plant.command('apply').argument(...file))
    .description('put a plant file in force; the hub keeps every version')
    .requiredOption('--why <text>', 'for the versions and the audit log')
    .action(async (path: string, { json, why, ...hub }) => {
      const content = readText(path);
      readPlant(content, path);
      const body = { content, file: path, why };
      const done = await askHub<CheckedJson & { version: number }>(hub, '/plants', { method: 'POST', body });
      if (json) return printJson(done);
      printChanges(done);
      console.log(`Version ${done.version} of ${done.site} is in force.`);
    });

  asked(plant.command('list').argument('[site]', 'every version of this one'))
    .description('models in force, or every version of one')
    .action(async (site: string | undefined, { json, ...hub }) => {
      const path = site === undefined ? '/plants' : `/plants/${encodeURIComponent(site)}/versions`;
      const { data } = await askHub<{ data: VersionJson[] }>(hub, path);
      if (json) return printJson(data);
      if (data.length === 0) return console.log('No plant model yet: "payesh-hub plant apply" puts one in force.');
      const rows = data.map(({ site, version, applied_at, author, why }) => [site, version, applied_at, author, why]);
      printTable(['SITE', 'VERSION', 'APPLIED', 'BY', 'WHY'], rows);
    });

  asked(plant.command('show').argument('<site>'))
    .description('a model as it was written; as a file, it can be changed and applied')
    .option('--version <number>', 'an older one')
    .action(async (site: string, { json, version, ...hub }) => {
      const query = version === undefined ? '' : `?version=${encodeURIComponent(version)}`;
      const path = `/plants/${encodeURIComponent(site)}${query}`;
      const found = await askHub<VersionJson & { content: string }>(hub, path);
      if (json) return printJson(found);
      process.stdout.write(found.content.endsWith('\n') ? found.content : `${found.content}\n`);
    });

  plant.addCommand(plantBaselineCommand());
  return plant;
}

const address = ({ url, token }: { url?: string; token?: string }): HubAddress => ({
  url: url ?? process.env.PAYESH_URL ?? 'http://127.0.0.1:8080',
  ...((token ?? process.env.PAYESH_TOKEN) !== undefined && { token: token ?? process.env.PAYESH_TOKEN! }),
});

const checkAt = (hub: HubAddress, path: string): Promise<CheckedJson> =>
  askHub(hub, '/plants/check', { method: 'POST', body: { content: readText(path), file: path } });

function printChanges({ changes, computed_anew }: Omit<CheckedJson, 'bindings'>): void {
  if (changes.length === 0) console.log('Nothing changes.');
  for (const change of changes) console.log(change);
  const { from, to } = computed_anew ?? {};
  if (!computed_anew) console.log('No figure changes.');
  else console.log(`Computed anew: ${from ?? 'from the beginning'} to ${to ?? 'now'}.`);
}

function printBindings({ bound, missing, misfits, unbound }: BindingsJson): void {
  console.log(
    `${bound.length} tags are bound, ${missing.length} missing, ${misfits.length} of a type that does not fit.`,
  );
  const rows = [
    ...missing.map(({ path, asset, role }) => ['missing', path, `${asset} needs it as ${role}`]),
    ...misfits.map(({ path, asset, role, type }) => [
      'misfit',
      path,
      `${asset} needs it as ${role}; it is of type ${type}`,
    ]),
    ...unbound.map(({ path, agent }) => ['unbound', path, `announced by ${agent}, needed by nothing`]),
  ];
  if (rows.length > 0) printTable(['', 'TAG', ''], rows);
}
