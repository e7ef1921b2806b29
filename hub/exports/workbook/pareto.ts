/** What takes most of the time first, of the whole site and then of each unit, with shares that run up to all of it. */
import type { Drawing } from './blocks.ts';
import type { Report } from './report.ts';

interface Lost {
  readonly asset: string;
  readonly hours: number;
}

export interface Ranked<L> {
  readonly of: L;
  readonly hours: number;
  readonly share: number;
  readonly cumulative: number;
}

/** @param nameOf what is added up over the units */
export function pareto<L extends Lost>(
  site: string,
  losses: readonly L[],
  nameOf: (lost: L) => string,
): { readonly asset: string; readonly ranked: readonly Ranked<L>[] }[] {
  const ofSite = [...Map.groupBy(losses, nameOf).values()].map((same) => ({
    of: same[0]!,
    hours: same.reduce((sum, { hours }) => sum + hours, 0),
  }));
  const byUnit = [...Map.groupBy(losses, ({ asset }) => asset)].map(
    ([asset, own]) => [asset, own.map((of) => ({ of, hours: of.hours }))] as const,
  );
  return [[site, ofSite] as const, ...byUnit].flatMap(([asset, unsorted]) => {
    const sorted = unsorted.toSorted((a, b) => b.hours - a.hours);
    const total = sorted.reduce((sum, { hours }) => sum + hours, 0);
    let running = 0;
    const ranked = sorted.map(({ of, hours }) => {
      running += hours;
      return { of, hours, share: hours / total, cumulative: running / total };
    });
    return ranked.length > 0 ? [{ asset, ranked }] : [];
  });
}

/** So many are told apart at a glance; the table has all. */
const atMost = 10;

/** Hours as columns and their share, running up to all, as a line; the latter two columns after the hours. */
export function paretoChart(
  { word, plant }: Report,
  title: { readonly en: string; readonly fa: string },
  { labels, hours }: { readonly labels: number; readonly hours: number },
): Drawing {
  return {
    ...{ title: `${word(title)} – ${word(plant.name)}`, labels, labelsName: '', atMost },
    // Not every program puts the name of an axis beside that axis where sheets run from the right; the legend has both.
    axis: { name: '', kind: 'number', least: 0 },
    axisAside: { name: '', kind: 'percent', least: 0, most: 1 },
    series: [
      { column: hours, shape: 'column', color: 'blue' },
      { column: hours + 2, shape: 'line', color: 'red', aside: true },
    ],
  };
}
