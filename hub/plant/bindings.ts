/**
 * Which tags a plant means, and which of them any agent has announced. A path that several agents announced, one
 * after the other, is bound to all of them: their samples are one series.
 */
import type { TagRole } from '../../protocols/manifest.ts';
import type { KnownTag } from '../ledger/ledger.ts';
import type { Plant } from './plant.ts';

export interface WantedTag {
  /** Full path. */
  readonly path: string;
  /** The unit or meter that needs it. */
  readonly asset: string;
  /** The role that it plays there; the agent may have declared another. */
  readonly role: TagRole;
}

export interface BoundTag extends WantedTag {
  readonly tags: readonly KnownTag[];
}

/** Needed, but announced as a type that cannot play the role. */
export interface MisfitTag extends WantedTag {
  readonly type: string;
}

export interface Bindings {
  readonly bound: readonly BoundTag[];
  /** Needed by the plant, announced by no agent. */
  readonly missing: readonly WantedTag[];
  readonly misfits: readonly MisfitTag[];
  /** Announced below the site, needed by nothing; reserved tags are not listed. */
  readonly unbound: readonly KnownTag[];
}

export function wantedTags({ path: site, units, meters, weather }: Plant): WantedTag[] {
  const wanted: WantedTag[] = [];
  const want = (asset: string, role: TagRole, path: string | undefined) => {
    if (path !== undefined) wanted.push({ path, asset, role });
  };
  for (const { path, tags } of units) {
    want(path, 'state', tags.state);
    want(path, 'state', tags.mode);
    want(path, 'count_total', tags.countTotal);
    want(path, 'count_good', tags.countGood);
    want(path, 'count_scrap', tags.countScrap);
    want(path, 'process', tags.countRework);
  }
  for (const { path, carrier, register, power, reactive, reactiveLead, supply } of meters) {
    want(path, carrier === 'electricity' ? 'kwh_import' : 'gas_pulse', register);
    want(path, 'p_kw', power);
    want(path, 'process', reactive);
    want(path, 'process', reactiveLead);
    want(path, 'process', supply?.tag);
  }
  want(site, 'process', weather?.temperature);
  return wanted;
}

export const isHealth = (role: TagRole): boolean => role.startsWith('health_');

/** Known tags by full path, those below the site only. */
export function tagsByPath(site: string, knownTags: readonly KnownTag[]): Map<string, KnownTag[]> {
  const byPath = new Map<string, KnownTag[]>();
  for (const tag of knownTags) {
    if (!tag.path.startsWith(`${site}/`)) continue;
    const same = byPath.get(tag.path);
    if (same) same.push(tag);
    else byPath.set(tag.path, [tag]);
  }
  return byPath;
}

export function bindings(plant: Plant, knownTags: readonly KnownTag[]): Bindings {
  const byPath = tagsByPath(plant.path, knownTags);
  const bound: BoundTag[] = [];
  const missing: WantedTag[] = [];
  const misfits: MisfitTag[] = [];
  const wanted = wantedTags(plant);
  for (const want of wanted) {
    const tags = byPath.get(want.path);
    if (!tags) missing.push(want);
    else {
      const misfit = tags.find(({ current }) => !fits(want.role, current.type));
      if (misfit) misfits.push({ ...want, type: misfit.current.type });
      else bound.push({ ...want, tags });
    }
  }
  const needed = new Set(wanted.map(({ path }) => path));
  const unbound = [...byPath.values()]
    .flat()
    .filter(({ path, current }) => !needed.has(path) && !isHealth(current.role));
  return { bound, missing, misfits, unbound };
}

/** What tells that a supply is there may be true or false. */
const fits = (role: TagRole, type: string): boolean =>
  role === 'state' ? type === 'int' : type === 'int' || type === 'float' || (role === 'process' && type === 'bool');
