/** Every KPI value of the hub that the truth can tell, beside what the truth tells. */
import type { VirtualHub } from '../support/virtual-hub.ts';
import type { Range, Stretch } from './ranges.ts';
import { minuteUs, startUs } from './scenario.ts';
import type { Truth } from './truth.ts';

export interface Comparison {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: string;
  readonly start: string;
  readonly status: string;
  readonly value: number | null;
  /** undefined: the truth has no such figure. */
  readonly truth: Range | undefined;
  readonly agrees: boolean;
}

export interface Value {
  readonly kpi: string;
  readonly asset: string;
  readonly granularity: string;
  readonly start: string;
  readonly end: string;
  /** Code of the event or limit, of which it is. */
  readonly event?: string;
  readonly status: string;
  readonly value: number | null;
  readonly coverage: number;
  readonly revision: number;
  readonly provisional: boolean;
  readonly input_hash: string;
  readonly elements: Readonly<Record<string, number>>;
}

/** Below this, the hub tells no value (R5). */
const leastCoverage = 0.8;

export async function compareFigures(
  hub: VirtualHub,
  truth: Truth,
  { endUs, computedUs }: { readonly endUs: number; readonly computedUs: number },
): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const granularity of lengths) {
    const values = await allValues(hub, granularity, [startUs, endUs]);
    for (const { kpi, asset, start, end, event, value, status, coverage } of values) {
      const window: Stretch = [
        Math.max(startUs, Date.parse(start) * 1000),
        Math.min(computedUs, Date.parse(end) * 1000),
      ];
      const expected = truth({ asset, window, granularity, event });
      if (!expected.has(kpi)) continue;
      const range = expected.get(kpi);
      compared.push({
        kpi,
        asset,
        granularity,
        start,
        status,
        value,
        truth: range,
        agrees: agrees(value, range, coverage),
      });
    }
  }
  return compared;
}

function agrees(value: number | null, range: Range | undefined, coverage: number): boolean {
  if (value === null) return range === undefined || range.low !== range.high || coverage < leastCoverage;
  if (!range) return false;
  const blur = 1e-9 * Math.max(1, Math.abs(value));
  return value >= range.low - blur && value <= range.high + blur;
}

const lengths = ['15min', 'hour', 'shift', 'day', 'week', 'month', 'event'];

async function allValues(hub: VirtualHub, granularity: string, [from, to]: Stretch, kpi?: string): Promise<Value[]> {
  const at = (time: number) => new Date(time / 1000).toISOString();
  const found: Value[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query = `granularity=${granularity}&from=${at(from)}&to=${at(to)}&limit=10000${kpi ? `&kpi=${kpi}` : ''}${cursor && `&cursor=${cursor}`}`;
    const page: { data: Value[]; next_cursor: string | null } = await hub.get(`/api/v1/kpi-values?${query}`);
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

/**
 * Every value up to a time, with a text that says all of it but how it came about.
 * @param alone only values of this KPI, of these lengths.
 */
export async function figuresUntil(
  hub: VirtualHub,
  until: number,
  alone?: { readonly kpi: string; readonly lengths: ReadonlySet<string> },
): Promise<(Value & { readonly figure: string })[]> {
  const found: Value[] = [];
  for (const granularity of lengths) {
    if (alone && !alone.lengths.has(granularity)) continue;
    found.push(...(await allValues(hub, granularity, [startUs, until - minuteUs], alone?.kpi)));
  }
  return found.map((one) => {
    const { kpi, asset, start, end, event = '', value, status, coverage, input_hash, elements } = one;
    const words = [kpi, asset, start, end, event, value, status, coverage, input_hash, JSON.stringify(elements)];
    return { ...one, figure: words.join(' ') };
  });
}
