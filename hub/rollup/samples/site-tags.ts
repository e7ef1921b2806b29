/**
 * Where the samples of a site's tags lie, and whose health tells when they are true: over time, by what the manifests
 * said then. A tag that was retired was still measured before; a source vouches only for what it measured.
 */
import type { Counter, TagRole } from '../../../protocols/manifest.ts';
import { isImportAgent } from '../../ledger/imported.ts';
import type { KnownTag, TagKey } from '../../ledger/ledger.ts';
import { isHealth, tagsByPath } from '../../plant/bindings.ts';
import { overlapUs, type Span, type Spans, union } from '../../plant/spans.ts';
import type { SeriesKey } from '../../store/store.ts';
import type { LostTime } from './lost-time.ts';
import type { TrackKey } from './track.ts';

export interface SiteTag {
  /** Full path. */
  readonly path: string;
  /** Mostly one: everything that was measured under the path is one address, whichever agent or epoch read it. */
  readonly series: readonly SiteSeries[];
  readonly sources: readonly SiteSource[];
  /** When any agent measured it. */
  readonly lives: Spans;
  readonly intervalMs: number;
}

/** Samples of one address with one scale. Another address or scale is another counter, which begins without a delta. */
export interface SiteSeries {
  readonly keys: readonly TrackKey[];
  readonly counter: Counter | undefined;
  readonly measured: readonly { readonly source: SiteSource; readonly lives: Spans }[];
}

export interface SiteSource {
  readonly id: string;
  readonly agent: string;
  /** When its agent had it. */
  readonly lives: Spans;
  /** Of an import: it has told everything that it ever will. */
  readonly historical: boolean;
  /** Time of which samples of its agent are gone. */
  readonly lost: Spans;
  readonly session: readonly SeriesKey[];
  readonly through: readonly SeriesKey[];
  readonly slots: {
    readonly good: readonly SeriesKey[];
    readonly bad: readonly SeriesKey[];
    readonly skipped: readonly SeriesKey[];
  };
}

export type SiteTags = ReadonlyMap<string, SiteTag>;

/** The tags of a site by full path, those that are retired included. */
export function siteTags(site: string, knownTags: readonly KnownTag[], lost: LostTime = () => []): SiteTags {
  const byPath = tagsByPath(site, knownTags);
  const sources = collectSources([...byPath.values()].flat(), lost);
  const tags = new Map<string, SiteTag>();
  for (const [path, all] of byPath) {
    const keys = all
      .flatMap(({ agent, keys }) => keys.map((key) => ({ agent, key })))
      .filter(({ key }) => !isHealth(key.declared.role));
    const newest = keys.at(-1)?.key;
    if (!newest) continue;
    const series = [...Map.groupBy(keys, ({ key }) => addressOf(key)).values()].map(
      (same): SiteSeries => ({
        keys: same.map(({ agent, key }) => (isImportAgent(agent) ? { ...key, imported: true } : key)),
        counter: same[0]!.key.declared.counter,
        measured: [...Map.groupBy(same, sourceOf)].flatMap(([id, own]) => {
          const source = sources.get(id);
          return source ? [{ source, lives: union(...own.map(({ key }) => key.lives)) }] : [];
        }),
      }),
    );
    tags.set(path, {
      path,
      series: series.sort((a, b) => begin(a) - begin(b)),
      sources: [...new Set(series.flatMap(({ measured }) => measured.map(({ source }) => source)))],
      lives: union(...keys.map(({ key }) => key.lives)),
      intervalMs: newest.declared.intervalMs,
    });
  }
  return tags;
}

export const keysOf = ({ series }: SiteTag): readonly TrackKey[] => series.flatMap(({ keys }) => keys);

/** Whether a tag or source was there at any time of a span. */
export const livedIn = ({ lives }: Pick<SiteTag, 'lives'>, { start, end }: Span): boolean =>
  overlapUs(lives, start, end) > 0;

export const isLive = ({ lives }: Pick<SiteTag, 'lives'>): boolean => lives.at(-1)?.end === Number.POSITIVE_INFINITY;

const begin = ({ measured }: SiteSeries): number =>
  measured.reduce((least, { lives }) => Math.min(least, lives[0]?.start ?? least), Number.POSITIVE_INFINITY);

/** What is read, and how it counts. */
const addressOf = ({ declared: { definition, counter } }: TagKey): string =>
  `${definition ?? ''} ${JSON.stringify([counter?.scale ?? 1, counter?.modulus, counter?.maxRatePerS])}`;

const sourceOf = ({ agent, key }: { agent: string; key: TagKey }): string => `${agent}/${key.declared.source}`;

function collectSources(tags: readonly KnownTag[], lost: LostTime): Map<string, SiteSource> {
  const health = tags.flatMap(({ agent, keys }) =>
    keys.flatMap((key) => (isHealth(key.declared.role) ? [{ agent, key }] : [])),
  );
  const sources = new Map<string, SiteSource>();
  for (const [id, own] of Map.groupBy(health, sourceOf)) {
    const having = (role: TagRole) => own.flatMap(({ key }) => (key.declared.role === role ? [key] : []));
    sources.set(id, {
      id,
      agent: own[0]!.agent,
      lives: union(...own.map(({ key }) => key.lives)),
      historical: isImportAgent(own[0]!.agent),
      lost: lost(own[0]!.agent),
      session: having('health_session'),
      through: having('health_through'),
      slots: {
        good: having('health_slots_good'),
        bad: having('health_slots_bad'),
        skipped: having('health_slots_skipped'),
      },
    });
  }
  return sources;
}
