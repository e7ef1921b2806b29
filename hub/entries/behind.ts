/** The entries that stored elements follow from, so that a figure names who told what. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { ElementGroup } from '../kpi/element.ts';
import type { EntryKind, EntryRevision } from './entry.ts';
import type { EntryLog } from './entry-log.ts';

const kindsOf: { readonly [group in ElementGroup]?: readonly EntryKind[] } = {
  production: ['downtime', 'order', 'count'],
  inspection: ['inspection'],
  personnel: ['attendance'],
};

interface StoredElements {
  readonly group: ElementGroup;
  readonly asset: string;
  readonly start: TimeUs;
  readonly end: TimeUs;
}

/** In force then, or now; ascending by their beginning. An order counts by its own span, not by its plan's. */
export function entriesBehind(
  log: Pick<EntryLog, 'list'>,
  site: string,
  inputs: readonly StoredElements[],
  asOf: TimeUs | undefined,
): EntryRevision[] {
  const told = Map.groupBy(
    inputs.filter(({ group }) => kindsOf[group]),
    ({ asset }) => asset,
  );
  if (told.size === 0) return [];
  const of = [...told.values()].flat();
  const from = of.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY);
  const to = of.reduce((most, { end }) => Math.max(most, end), Number.NEGATIVE_INFINITY);
  return log
    .list({ site, from, to, asOf })
    .filter(({ content }) =>
      told
        .get(content!.asset)
        ?.some(
          ({ group, start, end }) =>
            kindsOf[group]!.includes(content!.kind) && content!.from < end && start < content!.to,
        ),
    );
}
