/**
 * The direction of imports, as ARCHITECTURE.md draws it, checked on the source text: type-only and dynamic imports
 * count as well. `node test/support/import-direction.ts` prints what breaks a rule; test/architecture.test.ts proves
 * that every rule catches what it is there for.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, resolve } from 'node:path';
import { importsOf, type SourceFile } from './source-text.ts';

export interface Violation {
  readonly file: string;
  readonly rule: string;
  readonly detail: string;
}

/** Who may import which of our files. The first row whose `from` fits a file is the one that holds for it. */
const directions: readonly { readonly from: RegExp; readonly to: readonly RegExp[]; readonly rule: string }[] = [
  { from: /^test\//, to: [/./], rule: 'test may import anything' },
  {
    from: /^protocols\/[^/]+$/,
    to: [/^protocols\/[^/]+$/],
    rule: 'contracts import nothing but contracts',
  },
  ...['opcua', 'modbus', 'mqtt', 'sqlite', 'simulator'].map((folder) => ({
    from: new RegExp(`^protocols/${folder}/`),
    to: [/^protocols\/[^/]+$/, new RegExp(`^protocols/${folder}/`)],
    rule: 'a technology imports contracts and itself, never a sibling',
  })),
  {
    from: /^protocols\/page\//,
    to: [/^protocols\/page\//],
    rule: 'what pages share runs in a browser: it imports itself',
  },
  {
    from: /^edge-agent\/(main\.ts|commands\/)/,
    to: [/^edge-agent\//, /^config\//, /^protocols\/(?!simulator\/)/],
    rule: 'the agent imports itself, contracts and its drivers',
  },
  {
    from: /^edge-agent\/status\/page\//,
    to: [/^edge-agent\/status\/(page\/|report\.ts$)/, /^protocols\/page\//],
    rule: "the technician's page runs in a browser: it imports itself and what pages share",
  },
  {
    from: /^edge-agent\//,
    to: [/^edge-agent\//, /^protocols\/(?!simulator\/)/],
    rule: 'the agent imports itself, contracts and its drivers; only main.ts and commands/ load config',
  },
  {
    from: /^hub\/kpi\//,
    to: [/^hub\/kpi\//, /^protocols\/sample\.ts$/],
    rule: 'a KPI is a pure function: it imports its like and protocols/sample.ts',
  },
  {
    from: /^hub\/dashboard\//,
    to: [/^hub\/dashboard\//, /^protocols\/page\//],
    rule: 'the dashboard runs in a browser: it imports itself and what pages share',
  },
  {
    from: /^hub\/(main\.ts|commands\/)/,
    to: [/^hub\//, /^config\//, /^protocols\/([^/]+$|(mqtt|sqlite)\/)/],
    rule: 'the hub imports itself, contracts, protocols/mqtt and protocols/sqlite',
  },
  {
    from: /^hub\/(routes\/|http\.ts$)/,
    to: [/^hub\//, /^protocols\/([^/]+$|(mqtt|sqlite)\/)/],
    rule: 'the hub imports itself, contracts, protocols/mqtt and protocols/sqlite',
  },
  {
    from: /^hub\//,
    to: [/^hub\/(?!routes\/)/, /^protocols\/([^/]+$|(mqtt|sqlite)\/)/],
    rule: 'the hub imports itself, contracts, protocols/mqtt and protocols/sqlite; only main.ts and commands/ load config, only http.ts the routes',
  },
  { from: /^config\//, to: [/^config\//, /^protocols\/[^/]+$/], rule: 'config imports contracts' },
  { from: /^deploy\//, to: [/^(?!test\/)/], rule: 'nothing imports test' },
];

/**
 * Floors of a folder, the lowest first: a file imports its own subfolder and those of lower floors. `.` is the folder's
 * own files; every subfolder has a floor. A file that stands apart from its folder is named itself.
 */
const houses: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'edge-agent': [
    ['config', 'buffer', 'terminal'],
    ['acquire', 'forward'],
    ['status/report.ts'],
    ['commissioning'],
    ['status'],
    ['doctor', '.'],
    ['commands'],
    ['main.ts'],
    ['payesh-agent.mjs'],
  ],
  'hub/rollup': [['samples'], ['units'], ['meters'], ['cells'], ['buckets', 'windows', 'dirt'], ['values', '.']],
  'hub/routes': [
    ['door'],
    ['asked'],
    ['answers'],
    ['kpi', 'energy', 'production', 'plant', 'samples', 'delivery', 'files', 'operation'],
    ['live'],
  ],
};

/** Where each library may be imported. Libraries that are not named may be imported by whoever may have libraries. */
const homes: Readonly<Record<string, RegExp>> = {
  'modbus-serial': /^protocols\/(modbus|simulator)\//,
  serialport: /^protocols\/modbus\//,
  'node-opcua-client': /^protocols\/opcua\//,
  'node-opcua': /^protocols\/simulator\//,
  mqtt: /^protocols\/mqtt\//,
  'mqtt-packet': /^protocols\/mqtt\//,
  aedes: /^hub\/broker\.ts$/,
  '@duckdb/node-api': /^hub\/store\//,
  '@influxdata/influxdb-client': /^hub\/store\//,
  'better-sqlite3':
    /^(protocols\/sqlite\/.*|edge-agent\/buffer\/.*|hub\/(ledger|access|commissioning|entries|imports|plant|reports|rollup)\/.*)$/,
  yaml: /^config\//,
  'wasm-xlsxwriter': /^hub\/exports\/workbook\//,
  fflate: /^hub\/exports\//,
};

/** Pure code: no library but these, and no module of Node that does I/O. */
const pure: readonly { readonly from: RegExp; readonly packages: readonly string[] }[] = [
  { from: /^protocols\/[^/]+$/, packages: ['zod', 'node:crypto', 'node:zlib', 'node:timers/promises'] },
  { from: /^hub\/kpi\//, packages: [] },
];

/** `process` ends, configures or speaks for the whole process: only its shell may use it. */
const shell =
  /^(config\/process\.ts|(edge-agent|hub|protocols\/simulator)\/main\.ts|.*\/commands\/.*|.*\.mjs|(deploy|test)\/.*|.*-worker\.ts)$/;
const harmlessOfProcess = /^(memoryUsage|cpuUsage|resourceUsage|hrtime|uptime|pid|version|versions|platform|arch)$/;

/** All source files below `root`, by path. */
function readSources(root: string): Map<string, SourceFile> {
  const folders = '{protocols,edge-agent,hub,config,deploy,test}';
  const exclude = ['**/node_modules/**', 'test/fixtures/**'];
  const paths = globSync(`${folders}/**/*.{ts,mjs,js}`, { cwd: root, exclude }).map((path) =>
    path.replaceAll('\\', '/'),
  );
  return new Map(paths.sort().map((path) => [path, importsOf(readFileSync(join(root, path), 'utf8'))]));
}

/** The folder's own name for the place of a file in it, and the height of its floor; undefined outside all of them. */
function placeOf(file: string): { house: string; room: string; floor: number } | undefined {
  const house = Object.keys(houses).find((folder) => file.startsWith(`${folder}/`));
  if (house === undefined) return undefined;
  const path = file.slice(house.length + 1);
  const isNamed = houses[house]!.some((rooms) => rooms.includes(path));
  const room = isNamed ? path : dirname(path).split('/')[0]!;
  return { house, room, floor: houses[house]!.findIndex((rooms) => rooms.includes(room)) };
}

function buildsOnLower(file: string, target: string): boolean {
  const [upper, lower] = [placeOf(file), placeOf(target)];
  if (!upper || upper.house !== lower?.house || upper.room === lower.room) return true;
  return lower.floor < upper.floor;
}

export function checkImports(root: string): Violation[] {
  const sources = readSources(root);
  const violations: Violation[] = [];
  const graph = new Map<string, string[]>();

  for (const [file, { specifiers, computedImports, processMembers }] of sources) {
    const report = (rule: string, detail: string) => violations.push({ file, rule, detail });
    const targets: string[] = [];
    for (const specifier of specifiers) {
      if (specifier.startsWith('.')) {
        const target = posix.join(dirname(file), specifier);
        if (!sources.has(target) && !existsSync(join(root, target)))
          report('an import names an existing file', specifier);
        else if (target.startsWith('../')) report('an import stays in the repository', specifier);
        else targets.push(target);
      } else checkPackage(file, specifier, report);
    }
    if (placeOf(file)?.floor === -1) report('every subfolder has its floor', dirname(file));
    const row = directions.find(({ from }) => from.test(file));
    for (const target of targets) {
      if (target.startsWith('test/') && !file.startsWith('test/')) report('nothing imports test', target);
      else if (row && !row.to.some((allowed) => allowed.test(target))) report(row.rule, target);
      else if (!buildsOnLower(file, target)) report('a floor builds on lower ones', target);
    }
    if (computedImports > 0) report('a dynamic import names its module literally', `${computedImports} times`);
    if (!shell.test(file)) {
      for (const member of processMembers) {
        if (member in process && !harmlessOfProcess.test(member))
          report('only the shell of a process touches process', `process.${member}`);
      }
    }
    graph.set(
      file,
      targets.filter((target) => sources.has(target)),
    );
  }
  for (const cycle of cyclesOf(graph))
    violations.push({ file: cycle[0]!, rule: 'no import cycles', detail: cycle.join(' → ') });
  return violations;
}

function checkPackage(file: string, specifier: string, report: (rule: string, detail: string) => void): void {
  if (/^(test|hub\/dashboard|edge-agent\/status\/page|protocols\/page)\//.test(file)) return;
  if (specifier === 'process' || specifier === 'node:process') report('process is not imported', specifier);
  const limits = pure.find(({ from }) => from.test(file));
  if (limits && !limits.packages.includes(specifier)) report('pure code imports no library', specifier);
  if (isBuiltin(specifier)) return;
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  if (homes[name] && !homes[name].test(file)) report('one library, one folder', name);
}

/** One cycle of every knot of files that import each other (Tarjan's strongly connected components). */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    stack.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== order.get(file)) return;
    const knot = stack.splice(stack.indexOf(file));
    if (knot.length > 1 || graph.get(file)!.includes(file)) cycles.push([...knot, file]);
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return cycles;
}

if (import.meta.main) {
  const violations = checkImports(resolve(import.meta.dirname, '../..'));
  for (const { file, rule, detail } of violations) console.error(`${file}: ${detail}\n    ${rule}`);
  console.log(violations.length === 0 ? 'imports: all in the right direction' : `imports: ${violations.length} wrong`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
