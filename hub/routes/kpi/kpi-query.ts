/** What can be asked of `/kpi-values`, and what its answer looks like. */
import { z } from 'zod';
import type { KpiDefinition, KpiValue } from '../../kpi/kpi.ts';
import { type BucketKind, granularities } from '../../plant/grid.ts';
import { momentParameter } from '../../plant/time-parameters.ts';
import { isZone } from '../../plant/zone.ts';
import { comparisons } from '../../rollup/values/compare-values.ts';
import { calendars } from '../answers/bucket-label.ts';
import { assetParameters } from '../asked/asked-assets.ts';
import type { RouteContext } from '../asked/context.ts';
import { bomParameter, formatParameter } from '../asked/formats.ts';
import { listParameter, wordsParameter } from '../asked/lists.ts';
import { sortParameter } from '../asked/sorting.ts';
import { rangeParameters, windowSchema } from '../asked/times.ts';
import { invalid } from '../door/problem.ts';
import { included, kpiValueSchema } from './kpi-json.ts';

const defaultLimit = 500;
const maxLimit = 10_000;

const statuses = ['ok', 'partial', 'no_data', 'undefined', 'suspect'] as const;
export const sortable = ['start', 'asset', 'kpi', 'value', 'coverage', 'status', 'revision'] as const;
export const querySchema = z.strictObject({
  kpi: listParameter('ids of definitions'),
  ...assetParameters,
  ...rangeParameters,
  granularity: z
    .enum(['window', ...granularities, 'event'])
    .default('window')
    .meta({
      description:
        '`month` is of the calendar asked for; `event` each event and notified limit; `window` just the range, computed from samples now',
    }),
  calendar: z.enum(calendars).default('jalali').meta({ description: 'of months and labels; dates may be of either' }),
  tz: z
    .string()
    .max(60)
    .refine(isZone, { error: 'is no IANA time zone', params: { fa: 'منطقهٔ زمانی IANA نیست' } })
    .optional()
    .meta({ description: 'tells start_local and end_local in this zone; start and end are always UTC' }),
  as_of: momentParameter.optional().meta({ description: 'what the hub knew then; whole buckets only' }),
  revision: z.enum(['latest', 'all', 'official']).default('latest').meta({
    description:
      '`all`: every figure that was ever final for a bucket; `official`: of months whose report is issued, as it tells them',
  }),
  status: wordsParameter(statuses).optional(),
  min_coverage: z.coerce.number().min(0).max(1).optional(),
  include: wordsParameter(included)
    .default(['elements', 'flags'])
    .meta({ description: 'elements, flags, lineage, separated by commas; `elements,flags` when left out' }),
  compare: z.enum(comparisons).optional().meta({
    description:
      '`target` of the plant model; `previous` bucket (of a shift, the last one of its name); `baseline`: a reference period, what adds up in proportion to time',
  }),
  baseline_from: momentParameter.optional().meta({ description: 'the reference period, instead of the plant model’s' }),
  baseline_to: momentParameter.optional(),
  sort: sortParameter(sortable).optional(),
  limit: z.coerce.number().int().min(1).max(maxLimit).default(defaultLimit),
  cursor: z.string().max(1000).optional(),
  format: formatParameter,
  bom: bomParameter,
});
export type KpiQuery = z.infer<typeof querySchema>;

export const valuesSchema = z.object({
  meta: z.object({
    range: windowSchema.meta({ description: 'snapped outward to whole buckets' }),
    granularity: z.enum(['window', ...granularities, 'event']),
    calendar: z.enum(calendars),
    tz: z.string(),
    revision: z.enum(['latest', 'all', 'official']),
    as_of: z.string(),
    note: z.object({ en: z.string(), fa: z.string() }).optional().meta({ description: 'why there may be no row' }),
    generated_at: z.string(),
  }),
  data: z.array(kpiValueSchema),
  next_cursor: z.string().nullable().meta({ description: 'for the next page; null on the last one' }),
});

/** Whether a value is among those asked for. */
export function wanted(
  { status, min_coverage = 0 }: KpiQuery,
  sees: (asset: string) => boolean,
): (value: KpiValue) => boolean {
  return (value) =>
    sees(value.asset) &&
    (status === undefined || status.some((one) => one === value.status)) &&
    value.coverage >= min_coverage;
}

/** @throws {ProblemError} a KPI that is not known. */
export function checkKpis(asked: readonly string[] | undefined, { kpis }: RouteContext): void {
  const unknown = missingIn(kpis.definitions(), asked);
  if (unknown.length > 0) {
    throw invalid('kpi', {
      en: `there is no ${unknown.join(', ')}; /kpi-definitions lists all`,
      fa: `شاخص ${unknown.join('، ')} وجود ندارد؛ فهرست در /kpi-definitions است`,
    });
  }
}

/** @throws {ProblemError} one of these KPIs is never told of such buckets, or of windows. */
export function checkGranularity(
  asked: readonly string[] | undefined,
  granularity: BucketKind | 'window',
  { kpis }: RouteContext,
): void {
  if (granularity === 'window') {
    const bucketed = missingIn(kpis.windowed(), asked);
    if (bucketed.length === 0) return;
    throw invalid('granularity', {
      en: `${bucketed.join(', ')} is told of whole buckets only; ask for hour, shift, day or longer`,
      fa: `${bucketed.join('، ')} فقط برای بازه‌های کامل گفته می‌شود؛ hour، shift، day یا بلندتر بخواهید`,
    });
  }
  const usual = granularity === 'gregorian_month' ? 'month' : granularity;
  const never = kpis
    .definitions()
    .find(({ id, granularities }) => asked?.includes(id) && !granularities.includes(usual));
  if (!never) return;
  const { id, granularities: told } = never;
  throw invalid('granularity', {
    en: `${id} is told of ${told.join(', ')}, and never of ${usual}`,
    fa: `${id} برای ${told.join('، ')} گفته می‌شود و برای ${usual} هرگز`,
  });
}

const missingIn = (definitions: readonly KpiDefinition[], asked: readonly string[] = []): string[] =>
  asked.filter((id) => !definitions.some((definition) => definition.id === id));
