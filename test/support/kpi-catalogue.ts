/**
 * hub/kpi/CATALOGUE.md, made from the definitions, the table of elements and the golden cases.
 * `node test/support/kpi-catalogue.ts` writes it; test/hub/kpi-golden.test.ts holds it against what it would be.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { catalogue } from '../../hub/kpi/catalogue.ts';
import { elementGroups } from '../../hub/kpi/element.ts';
import { elementSpec, elementsOf } from '../../hub/kpi/elements.ts';
import { flags } from '../../hub/kpi/flags.ts';
import type { KpiDefinition } from '../../hub/kpi/kpi.ts';
import { goldenCases } from './kpi-golden.ts';

export const catalogueFile = join(import.meta.dirname, '../../hub/kpi/CATALOGUE.md');

const themes = {
  prod: 'Production',
  mnt: 'Maintenance',
  en: 'Energy',
  dr: 'Demand response',
  dq: 'Data quality',
  pl: 'Pilot',
} as const;

const trends = { higher: 'higher is better', lower: 'lower is better', none: 'no better direction' } as const;
const code = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(' ');

/** Golden cases that expect a KPI, by its id; those with a value first. */
function shownBy(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, expected } of goldenCases()) {
    for (const id of Object.keys(expected as object)) found.set(id, [...(found.get(id) ?? []), name]);
  }
  return found;
}

function kpiText(kpi: KpiDefinition, cases: readonly string[]): string {
  const { id, version, name, unit, scope, granularities, formula, trend, source, rules, note } = kpi;
  const lines = [
    `**Formula** ${formula}`,
    `**Unit** ${unit} · ${trends[trend]} · ${source} · version ${version}`,
    `**For** ${scope.join(', ')} · ${granularities.map((one) => one.replace('_', ' ')).join(', ')}`,
    kpi.needs.length > 0 && `**Needs** ${code(kpi.needs)}`,
    kpi.uses.length > 0 && `**Uses** ${code(kpi.uses)}`,
    kpi.parameters.length > 0 && `**Parameters** ${code(kpi.parameters)}`,
    `**Edge rules** ${['R1', 'R3', 'R4', 'R5', 'R8', 'R15', ...rules].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))).join(' ')}`,
    note && `**Note** ${note.en} <bdi dir="rtl">${note.fa}</bdi>`,
    `**Shown by** ${cases.join(', ')}: \`test/hub/kpi-golden.test.ts\``,
    '**Held on live sites by** `test/hub/kpi-live.test.ts`, and against the truth by `test/acceptance/figures.test.ts`',
  ].filter((line) => typeof line === 'string');
  return `### ${id}\n\n${name.en} · <bdi dir="rtl">${name.fa}</bdi>\n\n${lines.map((line) => `- ${line}`).join('\n')}\n`;
}

export function catalogueText(): string {
  const cases = shownBy();
  const sections = Object.entries(themes).map(([prefix, title]) => {
    const kpis = catalogue.filter(({ id }) => id.startsWith(`${prefix}.`));
    return `## ${title}\n\n${kpis.map((kpi) => kpiText(kpi, cases.get(kpi.id) ?? [])).join('\n')}`;
  });
  return `# KPI catalogue

Made from the definitions by \`node test/support/kpi-catalogue.ts\`; a change of one without the other fails a test.
Names, formulas and edge rules (R1 to R17) are those of the domain specification; a KPI with several figures has a
variant for each, \`id_variant\`. "Shown by" are folders of \`test/fixtures/kpi\`, exact vectors. A live site measures and
is asked over the API; that it tells what its factory knows of itself, within the sampling, is held for days and hours.
Without what a KPI needs it has no value (\`NO_INPUT\`); what it uses counts as 0 where it is not there.

| Theme | KPIs |
|---|---|
${Object.entries(themes)
  .map(([prefix, title]) => {
    const kpis = catalogue.filter(({ id }) => id.startsWith(`${prefix}.`));
    return `| ${title} | ${kpis.map(({ id }) => `[${id}](#${id.replace('.', '')})`).join(' ')} |`;
  })
  .join('\n')}

${sections.join('\n')}
## Flags

| Flag | Says | |
|---|---|---|
${Object.entries(flags)
  .map(([flag, { en, fa }]) => `| \`${flag}\` | ${en} | <bdi dir="rtl">${fa}</bdi> |`)
  .join('\n')}

## Elements

${(Object.keys(elementGroups) as (keyof typeof elementGroups)[]).map(groupText).join('\n')}`;
}

function groupText(group: keyof typeof elementGroups): string {
  const rows = elementsOf(group).map((name) => {
    const { unit, meaning, merge, over } = elementSpec(name)!;
    return `| \`${name}\` | ${unit} | ${meaning} | ${merge}${over === 'time and assets' ? '' : `, over ${over} only`} |`;
  });
  return `### ${group}\n\n${elementGroups[group]}\n\n| Element | Unit | What it is | Merged |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

if (import.meta.main) writeFileSync(catalogueFile, catalogueText());
