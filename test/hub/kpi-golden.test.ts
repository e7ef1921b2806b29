/** Every KPI of the catalogue by cases with known values, and the catalogue as it is printed. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { catalogueFile, catalogueText } from '../support/kpi-catalogue.ts';
import { differences, goldenCases } from '../support/kpi-golden.ts';

/** Every KPI of the domain specification's table, by its theme. */
const specified = {
  prod: 'availability effectiveness quality oee nee alloc_eff util_eff tech_eff setup_ratio throughput process_ratio scrap rework fpy load_ratio attainment volume downtime_unpl reason_cov',
  mnt: 'mtbf mttr cmr',
  en: 'kwh carrier cec sec eei saving peak_block peak_slide load_factor contract_util pf reactive_excess share_peak share_mid share_low shifted standby selfgen outage closure cost co2e',
  dr: 'compliance excess reduction performance lost_hours lost_output',
  dq: 'complete ontime valid latency uptime tag_cov meter_cov backfill clock',
  pl: 'delta_oee delta_sec delta_share_peak delta_downtime_unpl delta_scrap maturity',
};

for (const { name, about, expected, run } of goldenCases()) {
  t.test(`${name}: ${about}`, (t) => {
    t.same(differences(run(), expected), []);
    t.end();
  });
}

t.test('every KPI of the catalogue is shown by a case with a value', (t) => {
  const shown = goldenCases().flatMap(({ expected }) =>
    Object.entries(expected as Record<string, { value?: unknown }>).filter(([, { value }]) => value != null),
  );
  const ids = new Set(shown.map(([id]) => id));
  t.same(
    catalogue.filter(({ id }) => !ids.has(id)).map(({ id }) => id),
    [],
  );
  t.equal(new Set(catalogue.map(({ id }) => id)).size, catalogue.length, 'and has an id of its own');
  for (const { id, name } of catalogue) t.ok(/[a-z]/i.test(name.en) && /\p{Script=Arabic}/u.test(name.fa), id);
  t.end();
});

t.test('every KPI of the specification is in the catalogue, with tests that exist and hold a value of it', (t) => {
  const text = readFileSync(catalogueFile, 'utf8');
  for (const [theme, names] of Object.entries(specified)) {
    for (const id of names.split(' ').map((name) => `${theme}.${name}`)) {
      const [, section] = text.split(`### ${id}\n`);
      const tests = [...(section?.split('\n### ')[0]?.matchAll(/`(test\/[^`]*\.test\.ts)`/g) ?? [])].map(
        ([, file]) => file!,
      );
      t.ok(tests.length > 0, id);
      for (const file of tests) t.ok(existsSync(file), `${id}: ${file}`);
    }
  }
  t.end();
});

t.test('CATALOGUE.md is what the definitions say', (t) => {
  t.equal(readFileSync(catalogueFile, 'utf8'), catalogueText(), 'node test/support/kpi-catalogue.ts writes it');
  t.end();
});
