/**
 * Where the samples of a site's tags lie, and whose health tells when they are true. A tag that several agents or
 * epochs measured has several keys and may have several sources; both are taken together.
 */
import type { TagRole } from '../../protocols/manifest.ts';
import { isImportAgent } from '../ledger/imported.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import { isHealth, tagsByPath } from '../plant/bindings.ts';
import type { Spans } from '../plant/spans.ts';
import type { SeriesKey } from '../store/store.ts';
import type { LostTime } from './lost-time.ts';

export interface SiteTag {
  /** Full path. */
  readonly path: string;
  readonly keys: readonly SeriesKey[];
  readonly sources: readonly SiteSource[];
  readonly counter: KnownTag['current']['counter'];
  readonly intervalMs: number;
}

export interface SiteSource {
  readonly id: string;
  readonly agent: string;
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

/** The measured tags of a site by full path; retired ones are no longer expected and left out. */
export function siteTags(site: string, knownTags: readonly KnownTag[], lost: LostTime = () => []): SiteTags {
  const byPath = tagsByPath(site, knownTags);
  const sources = collectSources([...byPath.values()].flat(), lost);
  const tags = new Map<string, SiteTag>();
  for (const [path, all] of byPath) {
    const measured = all.filter(({ current }) => !isHealth(current.role));
    const newest = measured.at(-1)?.current;
    if (!newest || measured.every(({ current }) => current.retired)) continue;
    tags.set(path, {
      path,
      keys: measured.flatMap(({ keys }) => keys),
      sources: [...new Set(measured.map(sourceId))].flatMap((id) => sources.get(id) ?? []),
      counter: newest.counter,
      intervalMs: newest.intervalMs,
    });
  }
  return tags;
}

const sourceId = ({ agent, current }: KnownTag): string => `${agent}/${current.source}`;

function collectSources(tags: readonly KnownTag[], lost: LostTime): Map<string, SiteSource> {
  const byId = Map.groupBy(
    tags.filter(({ current }) => isHealth(current.role)),
    sourceId,
  );
  const sources = new Map<string, SiteSource>();
  for (const [id, health] of byId) {
    const keysOf = (role: TagRole) => health.filter(({ current }) => current.role === role).flatMap(({ keys }) => keys);
    sources.set(id, {
      id,
      agent: health[0]!.agent,
      historical: isImportAgent(health[0]!.agent),
      lost: lost(health[0]!.agent),
      session: keysOf('health_session'),
      through: keysOf('health_through'),
      slots: {
        good: keysOf('health_slots_good'),
        bad: keysOf('health_slots_bad'),
        skipped: keysOf('health_slots_skipped'),
      },
    });
  }
  return sources;
}
