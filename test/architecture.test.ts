/** The directions of ARCHITECTURE.md hold in this repository, and every rule of the check catches what breaks it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkImports } from './support/import-direction.ts';
import { importsOf } from './support/source-text.ts';

/** Files that break no rule, to plant something beside. */
const sound: Readonly<Record<string, string>> = {
  'protocols/sample.ts': 'export interface Sample { tag: number }',
  'protocols/frame.ts':
    "import { crc32 } from 'node:zlib'; import type { Sample } from './sample.ts'; export const x = crc32;",
  'protocols/mqtt/connect.ts': "import { connect } from 'mqtt'; export { connect };",
  'protocols/modbus/source.ts': "import ModbusRTU from 'modbus-serial'; import type { Sample } from '../sample.ts';",
  'protocols/opcua/source.ts': "import { OPCUAClient } from 'node-opcua-client';",
  'protocols/simulator/main.ts': "import { OPCUAServer } from 'node-opcua'; import './factory.ts'; process.exit(0);",
  'protocols/simulator/factory.ts': 'export const f = 1;',
  'edge-agent/main.ts':
    "import './app.ts'; import { load } from '../config/load.ts'; process.on('SIGTERM', () => load);",
  'edge-agent/app.ts':
    "import '../protocols/mqtt/connect.ts'; const uplink = await import('./forward/uplink.ts'); process.memoryUsage();",
  'edge-agent/forward/uplink.ts': "import '../buffer/rows.ts'; export const uplink = 1;",
  'edge-agent/forward/forward.ts': "import './uplink.ts';",
  'protocols/sqlite/versioned-file.ts': "import Database from 'better-sqlite3';",
  'edge-agent/buffer/rows.ts':
    "import Database from 'better-sqlite3'; import '../../protocols/sqlite/versioned-file.ts';",
  'edge-agent/status/report.ts': "import '../forward/uplink.ts';",
  'edge-agent/commissioning/book.ts': "import '../status/report.ts';",
  'edge-agent/status/start.ts': "import '../commissioning/book.ts'; import './report.ts';",
  'edge-agent/commands/run.ts': "import { load } from '../../config/load.ts'; import '../app.ts'; process.exit(load);",

  'hub/main.ts': "import { load } from '../config/load.ts'; import { app } from './app.ts';",
  'hub/app.ts':
    "import './broker.ts'; import '../protocols/mqtt/connect.ts'; import '../protocols/sqlite/versioned-file.ts'; export const app = 1;",
  'hub/broker.ts': "import { Aedes } from 'aedes';",
  'hub/commands/run.ts': "import { load } from '../../config/load.ts'; process.exit(load);",
  'hub/kpi/oee.ts': "import type { Sample } from '../../protocols/sample.ts'; import { kpi } from './kpi.ts';",
  'hub/kpi/kpi.ts': 'export const kpi = 1;',
  'hub/store/duckdb/store.ts': "import { DuckDBInstance } from '@duckdb/node-api';",
  'hub/rollup/roll-up.ts': "import './buckets/buckets.ts'; import './samples/track.ts';",
  'hub/rollup/samples/track.ts': "import type { Sample } from '../../../protocols/sample.ts';",
  'hub/rollup/buckets/buckets.ts': "import '../samples/track.ts';",
  'hub/rollup/values/values.ts': "import '../buckets/buckets.ts';",
  'hub/routes/kpi/values.ts': "import '../../rollup/values/values.ts'; import './telling.ts';",
  'hub/routes/kpi/telling.ts': 'export const telling = 1;',
  'hub/routes/live/feed.ts': "import '../kpi/telling.ts';",
  'hub/dashboard/page.js': "import './gauge.js';",
  'hub/dashboard/gauge.js': "import '../../protocols/page/dom.js';",
  'protocols/page/dom.js': 'document.title;',
  'config/load.ts': "import { parse } from 'yaml'; import '../protocols/frame.ts'; export const load = 1;",
  'deploy/demo/start.ts': "import '../../hub/app.ts'; import '../../config/load.ts'; process.argv;",
  'test/hub/app.test.ts':
    "import '../../hub/app.ts'; import '../../protocols/modbus/source.ts'; import 'mqtt'; process.env;",
};

const planted: readonly [rule: string, file: string, source: string][] = [
  ['contracts import nothing but contracts', 'protocols/a.ts', "import { connect } from './mqtt/connect.ts';"],
  ['contracts import nothing but contracts', 'protocols/a.ts', "import type { kpi } from '../hub/kpi/kpi.ts';"],
  ['pure code imports no library', 'protocols/a.ts', "import { readFileSync } from 'node:fs';"],
  ['pure code imports no library', 'hub/kpi/a.ts', "import { z } from 'zod';"],
  ['never a sibling', 'protocols/modbus/a.ts', "import '../opcua/source.ts';"],
  ['never a sibling', 'protocols/mqtt/a.ts', "import { uplink } from '../../edge-agent/forward/uplink.ts';"],
  ['never a sibling', 'protocols/sqlite/a.ts', "import '../mqtt/connect.ts';"],
  ['never a sibling', 'protocols/simulator/a.ts', "export * from '../modbus/source.ts';"],
  ['the agent imports', 'edge-agent/a.ts', "import { app } from '../hub/app.ts';"],
  ['the agent imports', 'edge-agent/commands/a.ts', "import type { app } from '../../hub/app.ts';"],
  ['the agent imports', 'edge-agent/a.ts', "import '../protocols/simulator/factory.ts';"],
  ['only main.ts and commands/ load config', 'edge-agent/a.ts', "import { load } from '../config/load.ts';"],
  ['the hub imports', 'hub/a.ts', "import { uplink } from '../edge-agent/forward/uplink.ts';"],
  ['the hub imports', 'hub/commands/a.ts', "await import('../../protocols/modbus/source.ts');"],
  ['the hub imports', 'hub/a.ts', "import '../protocols/opcua/source.ts';"],
  ['the hub imports', 'hub/a.ts', "import '../protocols/simulator/factory.ts';"],
  ['only main.ts and commands/ load config', 'hub/a.ts', "const { load } = await import('../config/load.ts');"],
  ['a KPI is a pure function', 'hub/kpi/a.ts', "import { app } from '../app.ts';"],
  ['a KPI is a pure function', 'hub/kpi/a.ts', "import { x } from '../../protocols/frame.ts';"],
  ['a floor builds on lower ones', 'edge-agent/buffer/a.ts', "import '../forward/uplink.ts';"],
  ['a floor builds on lower ones', 'edge-agent/acquire/a.ts', "import type { uplink } from '../forward/uplink.ts';"],
  ['a floor builds on lower ones', 'edge-agent/commissioning/a.ts', "import '../status/start.ts';"],
  ['a floor builds on lower ones', 'edge-agent/a.ts', "import './commands/run.ts';"],
  ['a floor builds on lower ones', 'hub/rollup/samples/a.ts', "import '../buckets/buckets.ts';"],
  ['a floor builds on lower ones', 'hub/rollup/a.ts', "import type { x } from './values/values.ts';"],
  ['a floor builds on lower ones', 'hub/rollup/windows/a.ts', "import '../buckets/buckets.ts';"],
  [
    'the hub imports itself, contracts, protocols/mqtt and protocols/sqlite',
    'hub/entries/a.ts',
    "import { telling } from '../routes/kpi/telling.ts';",
  ],
  ['a floor builds on lower ones', 'hub/routes/energy/a.ts', "import { telling } from '../kpi/telling.ts';"],
  ['every subfolder has its floor', 'edge-agent/attic/a.ts', 'export const a = 1;'],
  ['every subfolder has its floor', 'hub/rollup/attic/a.ts', 'export const a = 1;'],
  ['every subfolder has its floor', 'hub/routes/a.ts', 'export const a = 1;'],
  ['runs in a browser', 'hub/dashboard/a.js', "import { kpi } from '../kpi/kpi.ts';"],
  ['runs in a browser', 'protocols/page/a.js', "import { x } from '../frame.ts';"],
  ['runs in a browser', 'edge-agent/status/page/a.js', "import { app } from '../../app.ts';"],
  ['config imports contracts', 'config/a.ts', "import { app } from '../hub/app.ts';"],
  ['nothing imports test', 'hub/a.ts', "import '../test/hub/app.test.ts';"],
  ['nothing imports test', 'deploy/a.ts', "import '../test/hub/app.test.ts';"],
  ['one library, one folder', 'edge-agent/a.ts', "import { connect } from 'mqtt';"],
  ['one library, one folder', 'hub/a.ts', "import type { Aedes } from 'aedes';"],
  [
    'one library, one folder',
    'hub/ledger/a.ts',
    "import { DuckDBInstance } from '@duckdb/node-api/lib/DuckDBInstance.js';",
  ],
  ['one library, one folder', 'edge-agent/a.ts', "import { InfluxDB } from '@influxdata/influxdb-client';"],
  ['one library, one folder', 'edge-agent/forward/a.ts', "import Database from 'better-sqlite3';"],
  ['one library, one folder', 'hub/store/a.ts', "import Database from 'better-sqlite3';"],
  ['one library, one folder', 'protocols/mqtt/a.ts', "import Database from 'better-sqlite3';"],
  ['one library, one folder', 'protocols/opcua/a.ts', "import { OPCUAServer } from 'node-opcua';"],
  ['one library, one folder', 'protocols/simulator/a.ts', "import { OPCUAClient } from 'node-opcua-client';"],
  ['one library, one folder', 'edge-agent/a.ts', "import ModbusRTU from 'modbus-serial';"],
  ['one library, one folder', 'hub/plant/a.ts', "import { parse } from 'yaml';"],
  ['one library, one folder', 'hub/routes/answers/a.ts', "import { zip } from 'fflate';"],
  ['one library, one folder', 'hub/exports/a.ts', "import { Workbook } from 'wasm-xlsxwriter';"],
  ['only the shell of a process', 'hub/a.ts', 'if (broken) process.exit(1);'],
  ['only the shell of a process', 'protocols/modbus/a.ts', 'const debug = process.env.DEBUG;'],
  ['only the shell of a process', 'edge-agent/a.ts', 'const [, , file] = process\n  .argv;'],
  ['process is not imported', 'hub/a.ts', "import { env } from 'node:process';"],
  ['no import cycles', 'hub/kpi/kpi.ts', "import type { oee } from './oee.ts';"],
  ['no import cycles', 'edge-agent/forward/uplink.ts', "const lazy = () => import('./forward.ts');"],
  ['no import cycles', 'hub/broker.ts', "import './broker.ts';"],
  ['names an existing file', 'hub/a.ts', "import { app } from './app.js';"],
  ['stays in the repository', 'hub/a.ts', "import '../../outside.ts';"],
  ['names its module literally', 'hub/a.ts', 'const plugin = await import(name);'],
];

function write(root: string, files: Readonly<Record<string, string>>): string {
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  }
  return root;
}

t.test('imports of this repository go in the direction that ARCHITECTURE.md draws', async (t) => {
  t.same(checkImports(join(import.meta.dirname, '..')), []);
});

t.test('what breaks no rule is not complained about', async (t) => {
  t.same(checkImports(write(t.testdir(), sound)), []);
});

t.test('every rule catches what breaks it, and names file and rule', async (t) => {
  for (const [rule, file, source] of planted) await plant(t, rule, file, source);
});

async function plant(t: Test, rule: string, file: string, source: string): Promise<void> {
  await t.test(`${rule}: ${source}`, async (t) => {
    const root = write(join(t.testdir(), 'repository'), { ...sound, [file]: source });
    writeFileSync(join(root, '../outside.ts'), '');
    const violations = checkImports(root);
    t.equal(violations.length, 1);
    t.match(violations[0]?.rule, rule);
    t.ok(violations[0]?.file === file || violations[0]?.detail.includes(file), 'in the planted file');
  });
}

t.test('imports are found however they are written, and not where they only look like one', async (t) => {
  const source = `
    import a, { type B } from './one.ts';
    import type {
      C,
    } from "./two.ts"; // import x from './no-1.ts'
    import './three.ts';
    export * as all from './four.ts';
    export { d, type E } from './five.ts';
    type F = typeof import('./six.ts');
    const later = async () => (await import('./seven.ts')).x + import.meta.dirname;
    import json from './eight.json' with { type: 'json' };
    /* import x from './no-2.ts' */
    const text = "import x from './no-3.ts'", url = 'http://host/'; // from './no-4.ts'
    const more = \`import('./no-5.ts')\`;
    export const from = (x) => 'no-6';
  `;
  const found = importsOf(source).specifiers.map((name) => name.slice(2).replace(/\..*/, ''));
  t.same(new Set(found), new Set(['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']));
  t.same(importsOf('my.process.exit(); process?.exit(); subprocess.argv').processMembers, ['exit']);
  t.equal(importsOf('import(name); import("./a.ts")').computedImports, 1);
});
