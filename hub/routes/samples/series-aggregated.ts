/** A tag by buckets of time, as `/series` answers it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownTag } from '../../ledger/ledger.ts';
import { buckets, granularities } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Span } from '../../plant/spans.ts';
import { formatTime } from '../../plant/time-text.ts';
import { minuteUs, zoneOffsetUs } from '../../plant/zone.ts';
import { createLostTime } from '../../rollup/samples/lost-time.ts';
import { type SiteTag, siteTags } from '../../rollup/samples/site-tags.ts';
import { type AggregatedBucket, type Aggregation, aggregateSeries } from '../../rollup/windows/aggregate-series.ts';
import { type Column, sendDownload } from '../answers/download.ts';
import { valueJson } from '../answers/sample-json.ts';
import { refuseRows, refuseSamples } from '../answers/too-much.ts';
import type { RouteContext } from '../asked/context.ts';
import type { Format } from '../asked/formats.ts';
import { civilDay, type Window, windowJson } from '../asked/times.ts';
import { invalid } from '../door/problem.ts';

const minutes = { '1min': 1, '5min': 5, '10min': 10 } as const;
export const lengths = ['1min', '5min', '10min', ...granularities] as const;
type Length = (typeof lengths)[number];

const mostBuckets = 50_000;
const usualJitter = { pieces: 2, registers: 1 };

interface Asked {
  readonly agg: Aggregation;
  readonly granularity: Length;
  readonly fill: 'none' | 'null';
  readonly bom: boolean;
  readonly tag: KnownTag;
  readonly plant: Plant | undefined;
  readonly window: Window;
  readonly format: Format;
}

export async function answerAggregated(
  request: FastifyRequest,
  reply: FastifyReply,
  context: RouteContext,
  { agg, granularity, fill, bom, tag, plant, window, format }: Asked,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const { path, current } = tag;
  refuseAggregation(agg, tag);
  refuseSamples([current], window);
  const spans = spansOf(granularity, plant, window);
  refuseRows(spans.length, mostBuckets);
  const isRegister = !current.role.startsWith('count_');
  const jitter = (plant?.counterJitter ?? usualJitter)[isRegister ? 'registers' : 'pieces'];
  const offsetUs = zoneOffsetUs(plant?.zone ?? civilDay.zone, window.from);
  const asked = { tag: siteTagOf(tag, plant, context), aggregation: agg, isRegister, jitter, offsetUs };
  const all = await aggregateSeries(context.reader, asked, spans, signal);
  const found = fill === 'null' ? all : all.filter(({ value, samples }) => value !== null || samples > 0);
  const range = { from: spans[0]?.start ?? window.from, to: spans.at(-1)?.end ?? window.to };
  if (format !== 'json') {
    return sendDownload(request, reply, context, {
      ...{ format, bom, object: path, details: { ...windowJson(range), agg, granularity }, json: bucketOf },
      fileName: `series_${path}_${agg}_${granularity}_${formatTime(range.from)}`,
      columns: columnsFor(tag, agg, format),
      pages: [found],
    });
  }
  const { type, unit, counter } = current;
  const meta = {
    ...{ tag: path, type, unit, scale: counter?.scale ?? 1, agg, granularity, fill },
    range: windowJson(range),
    truncated: false,
  };
  return reply.type('application/json').send(JSON.stringify({ meta, data: found.map(bucketOf) }));
}

const bucketOf = ({ start, end, value, samples, coverage }: AggregatedBucket) => ({
  start: formatTime(start),
  end: formatTime(end),
  value: valueJson(value),
  samples,
  coverage,
});

function columnsFor({ path, current }: KnownTag, agg: Aggregation, format: Format): Column<AggregatedBucket>[] {
  const isText = format === 'csv' || current.type === 'string';
  return [
    { name: 'tag', type: 'text', of: () => path },
    { name: 'agg', type: 'text', of: () => agg },
    { name: 'start', type: 'time', of: ({ start }) => start },
    { name: 'end', type: 'time', of: ({ end }) => end },
    { name: 'value', type: isText ? 'text' : 'number', of: ({ value }) => value },
    { name: 'unit', type: 'text', of: () => current.unit },
    { name: 'samples', type: 'integer', of: ({ samples }) => samples },
    { name: 'coverage', type: 'number', of: ({ coverage }) => coverage },
  ];
}

function refuseAggregation(agg: Aggregation, { current }: KnownTag): void {
  if (current.type === 'string' && agg !== 'first' && agg !== 'last') {
    throw invalid('agg', {
      en: 'text has no size: ask for first or last',
      fa: 'متن اندازه ندارد؛ first یا last را بخواهید',
    });
  }
  const counts = current.counter !== undefined || /^(count_|kwh_|gas_)/.test(current.role);
  if (agg === 'delta' && !counts) {
    throw invalid('agg', {
      en: 'the tag is no counter: ask for first, last, min, max or twa',
      fa: 'این تگ شمارنده نیست؛ first، last، min، max یا twa را بخواهید',
    });
  }
}

/** Whole buckets that cover the window. */
function spansOf(length: Length, plant: Plant | undefined, { from, to }: Window): Span[] {
  if (length in minutes) {
    const us = minutes[length as keyof typeof minutes] * minuteUs;
    refuseRows((to - from) / us, mostBuckets);
    const spans: Span[] = [];
    for (let start = Math.floor(from / us) * us; start < to; start += us) spans.push({ start, end: start + us });
    return spans;
  }
  const time = plant ?? { ...civilDay, shifts: [], exceptions: [] };
  return buckets(time, length as (typeof granularities)[number], from, to);
}

/** With the health of its sources. A tag of no plant lies at the site that its agent speaks of. */
function siteTagOf(tag: KnownTag, plant: Plant | undefined, { ledger }: RouteContext): SiteTag {
  const known = ledger.tags();
  const health = known.find(({ agent, path }) => agent === tag.agent && path.includes('/health/'))?.path;
  const site = plant?.path ?? health?.slice(0, health.lastIndexOf('/health/')) ?? tag.path.split('/', 1)[0]!;
  const found = siteTags(site, known, createLostTime(ledger)).get(tag.path);
  if (found) return found;
  const { counter, intervalMs } = tag.current;
  return { path: tag.path, series: [{ keys: tag.keys, counter, measured: [] }], sources: [], lives: [], intervalMs };
}
