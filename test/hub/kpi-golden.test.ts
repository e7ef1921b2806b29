import { readFileSync } from 'node:fs';
import t from 'tap';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { catalogueFile, catalogueText } from '../support/kpi-catalogue.ts';
import { differences, goldenCases } from '../support/kpi-golden.ts';

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

t.test('CATALOGUE.md is what the definitions say', (t) => {
  t.equal(readFileSync(catalogueFile, 'utf8'), catalogueText(), 'node test/support/kpi-catalogue.ts writes it');
  t.end();
});
