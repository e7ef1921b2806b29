/**
 * KPI values of whole buckets in the order of time, read part by part so that nobody waits for a long range and the
 * first page of it costs as much as any other.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import type { TimeUs } from '../../../protocols/sample.ts';
import { type BucketKind, snapped } from '../../plant/grid.ts';
import type { Plant } from '../../plant/plant.ts';
import type { Moment } from '../../plant/time-text.ts';
import { allRevisions } from '../../rollup/values/all-revisions.ts';
import type { RolledRequest, RolledValue } from '../../rollup/values/rolled-values.ts';
import { leastUs, turns, usualKpis } from '../../rollup/values/turns.ts';
import { inOrder } from '../../rollup/values/value-order.ts';
import { tooMuch } from '../answers/too-much.ts';
import { byPlant } from '../asked/asked-assets.ts';
import type { KpiSource } from '../asked/kpi-source.ts';
import { civilDay, type Window, windowAt } from '../asked/times.ts';
import { invalid } from '../door/problem.ts';

/** Assets whose range is the same: those of plants whose business days begin at one time of day. */
export interface Part {
  readonly assets: readonly string[];
  readonly window: Window;
}

interface AskedRange {
  readonly from?: Moment | undefined;
  readonly to?: Moment | undefined;
}

export function partsOf(
  paths: readonly string[],
  plants: readonly Plant[],
  asked: AskedRange,
  usual: Window,
  granularity: BucketKind | 'window',
): Part[] {
  const parts = new Map<string, { assets: string[]; window: Window }>();
  for (const [plant, assets] of byPlant(paths, plants)) {
    let window = windowAt(asked, plant ?? civilDay, usual);
    if (granularity !== 'window' && granularity !== 'event' && plant) {
      const { start, end } = snapped(plant, granularity, { start: window.from, end: window.to });
      window = { from: start, to: end };
    }
    const key = `${window.from} ${window.to}`;
    const known = parts.get(key);
    if (known) known.assets.push(...assets);
    else parts.set(key, { assets: [...assets], window });
  }
  return [...parts.values()];
}

/** From the first to the last moment of any part; the range asked for where no asset is. */
export function wholeOf(parts: readonly Part[], usual: Window): Window {
  if (parts.length === 0) return usual;
  return {
    from: Math.min(...parts.map(({ window }) => window.from)),
    to: Math.max(...parts.map(({ window }) => window.to)),
  };
}

/** @throws {ProblemError} more than `most` values would have to be computed. */
export function refuseTooMany(
  parts: readonly Part[],
  granularity: BucketKind,
  kpis: number | undefined,
  most: number,
): void {
  const values = parts.reduce(
    (sum, { assets, window }) =>
      sum + ((window.to - window.from) / leastUs[granularity]) * assets.length * (kpis ?? usualKpis),
    0,
  );
  if (values <= most) return;
  const [thousands, millions] = [Math.round(values / 1e3), Math.round(values / 1e5) / 10];
  throw invalid(
    'from',
    millions < 1
      ? tooMuch(`that is some ${thousands},000 values`, `حدود ${thousands} هزار مقدار می‌شود`)
      : tooMuch(`that is some ${millions} million values`, `حدود ${millions} میلیون مقدار می‌شود`),
  );
}

export interface ValueRequest extends Pick<RolledRequest, 'kpis' | 'granularity' | 'asOf'> {
  readonly parts: readonly Part[];
  readonly revision: 'latest' | 'all';
  /** Buckets that begin before it are left out. */
  readonly from?: TimeUs | undefined;
  /** Later pages tell what the first one knew: what was restated since then is told as it was. */
  readonly pinnedAt?: TimeUs | undefined;
  /** The reader stops after so many values. */
  readonly wanted?: number | undefined;
}

/** Each restatement of the range is another reading of it. */
const mostRestatements = 200;

/** Ascending by start, asset, KPI and revision, over all pages. */
export async function* valuePages(
  kpis: Pick<KpiSource, 'rolled' | 'buckets'>,
  { parts, revision, from, pinnedAt, wanted, ...asked }: ValueRequest,
  signal: AbortSignal,
): AsyncGenerator<RolledValue[]> {
  const whole = wholeOf(parts, { from: 0, to: 0 });
  const { granularity } = asked;
  const assetCount = parts.reduce((sum, { assets }) => sum + assets.length, 0);
  const range = { from: Math.max(whole.from, from ?? whole.from), to: whole.to };
  const perBucket = assetCount * (asked.kpis?.length ?? usualKpis);
  for (const turn of turns(granularity, range, perBucket, wanted)) {
    signal.throwIfAborted();
    const found = parts.flatMap(({ assets, window }) => {
      const range = { from: Math.max(turn.from, window.from), to: Math.min(turn.to, window.to) };
      if (range.from >= range.to) return [];
      const request = { ...asked, ...range, assets };
      const values =
        revision === 'all'
          ? allRevisions(kpis.rolled, request, restatedIn(kpis, request))
          : rolledAt(kpis, request, pinnedAt);
      return values.filter(({ start }) => start >= range.from && start < range.to);
    });
    yield parts.length > 1 ? found.sort(inOrder) : found;
    await breathe();
  }
}

/** A provisional figure of then is gone; the one in its place belongs to the same bucket, and says what it is. */
function rolledAt(
  kpis: Pick<KpiSource, 'rolled'>,
  request: RolledRequest,
  pinnedAt: TimeUs | undefined,
): readonly RolledValue[] {
  const values = kpis.rolled(request);
  const isNew = ({ provisional, computedAt }: RolledValue) => !provisional && computedAt > pinnedAt!;
  if (pinnedAt === undefined || !values.some(isNew)) return values;
  const keyOf = ({ kpi, asset, start }: RolledValue) => `${start} ${asset} ${kpi}`;
  const then = new Map(kpis.rolled({ ...request, asOf: pinnedAt }).map((value) => [keyOf(value), value]));
  return values.map((value) => (isNew(value) ? (then.get(keyOf(value)) ?? value) : value));
}

function restatedIn({ buckets }: Pick<KpiSource, 'buckets'>, { granularity, from, to }: RolledRequest): TimeUs[] {
  // An event has its revisions from its cells.
  const tier = granularity === '15min' || granularity === 'event' ? 'cell' : granularity;
  const times = buckets.restatedAt({ tier, from, to }, mostRestatements + 1);
  if (times.length <= mostRestatements) return times;
  throw invalid('revision', tooMuch('the range was restated too often', 'این بازه بیش از حد اصلاح شده است'));
}
