/** How KPI definitions and values look at the API: names as in ISO 22400's definition and value, ratios as fractions. */
import { z } from 'zod';
import type { KpiDefinition, KpiValue } from '../../kpi/kpi.ts';
import { granularities } from '../../plant/grid.ts';
import { formatTime } from '../../plant/time-text.ts';
import { type Comparison, comparisons } from '../../rollup/values/compare-values.ts';
import type { Input } from '../../rollup/values/rolled-records.ts';
import type { RolledValue } from '../../rollup/values/rolled-values.ts';
import { encodeValueId } from './value-id.ts';

const bilingual = z.object({ en: z.string(), fa: z.string() });

export const kpiDefinitionSchema = z.object({
  id: z.string(),
  version: z.int(),
  name: z.union([bilingual, z.string()]).meta({ description: 'both languages, or the one asked for' }),
  unit: z.string().meta({ description: '`1` for ratios: show them in percent' }),
  scope: z.array(z.enum(['site', 'area', 'line', 'unit', 'meter', 'tag', 'event'])),
  formula: z.string(),
  trend: z.enum(['higher', 'lower', 'none']),
  source: z.string(),
  granularities: z.array(z.string()).meta({ description: 'usual lengths of a bucket' }),
  needs: z.array(z.string()).meta({ description: 'elements without which there is no value' }),
  uses: z.array(z.string()).meta({ description: 'elements that count as 0 where they are not there' }),
  parameters: z.array(z.string()).meta({ description: 'what it takes from the plant model beside elements' }),
  rules: z.array(z.string()).meta({ description: 'edge rules beside R1, R3, R4, R5, R8 and R15, which hold for all' }),
  note: z.union([bilingual, z.string()]).optional(),
});

/** What flags of values say. */
export const flagsSchema = z.record(z.string(), bilingual);

export const kpiDefinitionJson = (
  definition: KpiDefinition,
  lang: 'en' | 'fa' | 'both',
): z.infer<typeof kpiDefinitionSchema> => ({
  id: definition.id,
  version: definition.version,
  name: lang === 'both' ? { ...definition.name } : definition.name[lang],
  unit: definition.unit,
  scope: [...definition.scope],
  formula: definition.formula,
  trend: definition.trend,
  source: definition.source,
  granularities: [...definition.granularities],
  needs: [...definition.needs],
  uses: [...definition.uses],
  parameters: [...definition.parameters],
  rules: [...definition.rules],
  ...(definition.note !== undefined && { note: lang === 'both' ? { ...definition.note } : definition.note[lang] }),
});

export const included = ['elements', 'flags', 'lineage'] as const;

const comparisonSchema = z.object({
  with: z.enum(comparisons),
  value: z.number().nullable().meta({ description: 'null: there is none, or it is not known' }),
  from: z.string().optional(),
  to: z.string().optional(),
  delta: z.number().nullable().meta({ description: 'value − compared value' }),
  ratio: z.number().nullable().meta({ description: 'delta / |compared value|, a fraction' }),
  light: z.enum(['met', 'near', 'missed', 'unknown']).optional(),
});

export const inputSchema = z.object({
  group: z.string(),
  asset: z.string(),
  tier: z.string(),
  start: z.string(),
  end: z.string(),
  revision: z.int(),
  computed_at: z.string(),
});

export const kpiValueSchema = z.object({
  kpi: z.string(),
  definition_version: z.int(),
  asset: z.string(),
  granularity: z.enum(['window', ...granularities, 'event']),
  start: z.string(),
  end: z.string(),
  value: z.number().nullable().meta({ description: 'null is "not known", never 0' }),
  unit: z.string(),
  status: z.enum(['ok', 'partial', 'no_data', 'undefined', 'suspect']),
  coverage: z.number().meta({ description: 'known share of what was asked for, 0 to 1' }),
  bounds: z.array(z.number().nullable()).length(2).optional().meta({ description: 'null is open' }),
  provisional: z.boolean(),
  revision: z.int(),
  elements: z.record(z.string(), z.number()).optional(),
  flags: z.array(z.string()).optional().meta({ description: '/kpi-definitions says what each means' }),
  parameters: z.record(z.string(), z.union([z.number(), z.string()])).optional(),
  input_hash: z.string(),
  computed_at: z.string(),
  /** Of whole buckets only. */
  state: z.enum(['open', 'provisional', 'final', 'closed', 'frozen']).optional(),
  report: z
    .object({ id: z.int(), version: z.int() })
    .optional()
    .meta({ description: 'the official report that tells it so; /reports/{id}' }),
  jalali_date: z.string().optional().meta({ description: 'of the business day on which the bucket begins' }),
  event: z.string().optional().meta({ description: 'code of the event or limit' }),
  shift: z.object({ code: z.string(), name: bilingual }).optional(),
  id: z.string().optional().meta({ description: 'asks for the lineage: /kpi-values/{id}/lineage' }),
  label: bilingual.optional().meta({ description: 'what the bucket is called in the calendar asked for' }),
  start_local: z.string().optional().meta({ description: 'in the zone asked for with `tz`' }),
  end_local: z.string().optional(),
  comparison: comparisonSchema.optional(),
  plant_version: z.string().optional(),
  inputs: z.array(inputSchema).optional().meta({ description: 'with include=lineage: the stored buckets behind it' }),
});
export type KpiValueJson = z.infer<typeof kpiValueSchema>;

/** With what only whole buckets have. @param asOf when somebody asked what was known then: the id says so too. */
export const rolledValueJson = (value: RolledValue, asOf: number | undefined): KpiValueJson => ({
  ...kpiValueJson(value),
  granularity: value.bucket.granularity,
  state: value.state,
  ...(value.report && { report: { ...value.report } }),
  jalali_date: value.bucket.jalaliDate,
  ...(value.bucket.event !== undefined && { event: value.bucket.event }),
  ...(value.bucket.shift && { shift: { code: value.bucket.shift.code, name: { ...value.bucket.shift.name } } }),
  id: encodeValueId(value, asOf),
});

export const comparisonJson = (
  { value }: Pick<KpiValue, 'value'>,
  { with: kind, value: other, from, to, light }: Comparison,
): z.infer<typeof comparisonSchema> => {
  const delta = value === null || other === null ? null : value - other;
  return {
    with: kind,
    value: other,
    ...(from !== undefined && to !== undefined && { from: formatTime(from), to: formatTime(to) }),
    delta,
    ratio: delta === null || other === 0 ? null : delta / Math.abs(other!),
    ...(light && { light }),
  };
};

export const inputJson = ({
  group,
  asset,
  tier,
  start,
  end,
  revision,
  computedAt,
}: Input): z.infer<typeof inputSchema> => ({
  ...{ group, asset, tier, revision },
  start: formatTime(start),
  end: formatTime(end),
  computed_at: formatTime(computedAt),
});

export const kpiValueJson = (value: KpiValue): KpiValueJson => ({
  kpi: value.kpi,
  definition_version: value.definitionVersion,
  asset: value.asset,
  granularity: 'window',
  start: formatTime(value.start),
  end: formatTime(value.end),
  value: value.value,
  unit: value.unit,
  status: value.status,
  coverage: value.coverage,
  ...(value.bounds && { bounds: [...value.bounds] }),
  provisional: value.provisional,
  revision: value.revision,
  elements: { ...value.elements },
  flags: [...value.flags],
  ...(value.parameters && { parameters: { ...value.parameters } }),
  input_hash: value.inputHash,
  computed_at: formatTime(value.computedAt),
});
