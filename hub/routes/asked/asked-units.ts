/** Units and meters that a request means, plant by plant, with the range that it means there. */
import type { Meter } from '../../plant/meter.ts';
import type { Plant, Unit } from '../../plant/plant.ts';
import type { Moment } from '../../plant/time-text.ts';
import { invalid } from '../door/problem.ts';
import { type AssetQuery, assetsAskedFor, plantsIn } from './asked-assets.ts';
import type { RouteContext } from './context.ts';
import { civilDay, type PlantDay, type Window, windowAt } from './times.ts';
import type { View } from './view.ts';

interface Ranged {
  readonly from?: Moment | undefined;
  readonly to?: Moment | undefined;
}

export interface Bounds {
  readonly usual: (day: PlantDay) => Window;
  readonly maxDays?: number;
}

export interface AskedAt<T> {
  readonly plant: Plant;
  readonly window: Window;
  readonly asked: readonly T[];
}

export interface AskedEverywhere<T> {
  readonly sites: readonly AskedAt<T>[];
  /** From the first to the last moment at any of them. */
  readonly whole: Window;
}

/** The units named, or those below what is named; all where nothing is. @throws {ProblemError} */
export const unitsAskedFor = (
  query: AssetQuery & Ranged,
  view: View,
  context: RouteContext,
  bounds: Bounds,
): AskedEverywhere<Unit> => {
  const paths = assetsAskedFor({ ...query, depth: query.depth ?? (query.asset && 10) }, view, context);
  const named = new Set(paths);
  return everywhere(query, view, context, bounds, ({ units }) => units.filter(({ path }) => named.has(path)));
};

interface MeterQuery extends Ranged {
  readonly meter?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly carrier?: string;
}

/** The meters named; all of the carrier where none is. @throws {ProblemError} */
export const metersAskedFor = (
  { meter, group, carrier, ...range }: MeterQuery,
  view: View,
  context: RouteContext,
  bounds: Bounds,
): AskedEverywhere<Meter> => {
  const named = new Set(assetsAskedFor({ asset: meter, group }, view, context));
  const asked = everywhere(range, view, context, bounds, ({ meters }) =>
    meters.filter((one) => named.has(one.path) && (carrier === undefined || one.carrier === carrier)),
  );
  const found = asked.sites.flatMap((site) => site.asked.map(({ path }) => path));
  const strange = meter?.filter((path) => !found.includes(path)) ?? [];
  if (strange.length > 0) {
    throw invalid('meter', {
      en: `${strange.join(', ')} is no meter of ${carrier ?? 'any carrier'}; /assets?level=meter lists all`,
      fa: `${strange.join('، ')} کنتور ${carrier ?? ''} نیست؛ فهرست در /assets?level=meter`,
    });
  }
  return asked;
};

function everywhere<T>(
  range: Ranged,
  view: View,
  context: RouteContext,
  { usual, maxDays }: Bounds,
  choose: (plant: Plant) => readonly T[],
): AskedEverywhere<T> {
  const sites = plantsIn(view, context).flatMap((plant): AskedAt<T>[] => {
    const asked = choose(plant);
    return asked.length === 0 ? [] : [{ plant, asked, window: windowAt(range, plant, usual(plant), maxDays) }];
  });
  // Also where nothing is found, the range must be one.
  const fallback = windowAt(range, civilDay, usual(civilDay), maxDays);
  const whole =
    sites.length === 0
      ? fallback
      : {
          from: Math.min(...sites.map(({ window }) => window.from)),
          to: Math.max(...sites.map(({ window }) => window.to)),
        };
  return { sites, whole };
}
