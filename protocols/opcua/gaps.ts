/**
 * Which times of which tags with history have been missed and are still to be read from the server's history. Kept in a
 * file: a gap whose filling was cut short, by another outage or an end of the agent, would otherwise be forgotten, since
 * newer values have been accepted by then.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { flag, type Sample, type TimeUs } from '../sample.ts';
import type { SourceContext } from '../tag-config.ts';
import type { OpcuaConfig } from './config.ts';
import { pathsOf } from './tags.ts';

/** Both ends are known already: what is missing is strictly between. */
export interface Gap {
  readonly after: TimeUs;
  readonly before: TimeUs;
}

export interface Gaps {
  /** A tag with history that was found by browsing. */
  track(tag: number, path: string): void;
  /** A session begins, or goes on after nothing was known: of every tag, something may be missing before its next sample. */
  begin(): void;
  /** Live samples are about to be handed over. @returns whether there are new gaps before them. */
  saw(samples: readonly Sample[]): boolean;
  of(tag: number): readonly Gap[];
  /** Up to this time the tag's gaps are filled; to be said before the samples are handed over. */
  filled(progress: ReadonlyMap<number, TimeUs>): void;
}

/** A tag with so many gaps has had no time between them; the oldest are given up. */
const maxGapsPerTag = 20;

const fileSchema = z.record(z.string(), z.array(z.tuple([z.number(), z.number()])));

export function createGaps(config: OpcuaConfig, context: SourceContext): Gaps {
  const { tagIds, acceptedUntil, dataDir, log } = context;
  const file = join(dataDir, 'opcua', `gaps-${config.id}.json`);
  const pathById = new Map(
    config.groups.flatMap(({ history, tags }) =>
      history ? tags.flatMap(pathsOf).map((path) => [tagIds.get(path)!, path] as const) : [],
    ),
  );
  const newest = new Map<number, TimeUs>();
  const gaps = new Map<number, Gap[]>();
  const kept = config.groups.some(({ history }) => history) ? load(file) : {};
  const restore = (id: number, path: string) => {
    const spans = kept[path]?.map(([after, before]) => ({ after, before }));
    if (spans?.length) gaps.set(id, spans);
  };
  for (const [id, path] of pathById) restore(id, path);

  const save = () => {
    const spans = [...gaps].map(([id, all]) => [pathById.get(id)!, all.map(({ after, before }) => [after, before])]);
    try {
      mkdirSync(join(dataDir, 'opcua'), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(spans)), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (err) {
      log.warn({ source: config.id, err }, 'gaps of the history cannot be kept over a restart');
    }
  };

  /** Of which there has been a sample since the session began. */
  const seen = new Set<number>();
  const openBefore = (tag: number, time: TimeUs): boolean => {
    seen.add(tag);
    // Of a tag that was never measured, nothing was missed.
    const after = Math.max(acceptedUntil(tag) ?? 0, newest.get(tag) ?? 0);
    if (after === 0 || after >= time) return false;
    gaps.set(tag, [...(gaps.get(tag) ?? []), { after, before: time }].slice(-maxGapsPerTag));
    return true;
  };

  return {
    track(tag, path) {
      if (pathById.has(tag)) return;
      pathById.set(tag, path);
      restore(tag, path);
    },
    begin: () => seen.clear(),
    saw(samples) {
      if (pathById.size === 0) return false;
      let isNew = false;
      for (const { tag, time, flags } of samples) {
        if (!pathById.has(tag)) continue;
        if (!seen.has(tag) && openBefore(tag, time)) isNew = true;
        if (!(flags & flag.clockSuspect) && time > (newest.get(tag) ?? 0)) newest.set(tag, time);
      }
      if (isNew) save();
      return isNew;
    },
    of: (tag) => gaps.get(tag) ?? [],
    filled(progress) {
      for (const [tag, until] of progress) {
        const left = (gaps.get(tag) ?? []).flatMap(({ after, before }) =>
          until >= before ? [] : [{ after: Math.max(after, until), before }],
        );
        if (left.length > 0) gaps.set(tag, left);
        else gaps.delete(tag);
      }
      save();
    },
  };
}

function load(file: string): z.infer<typeof fileSchema> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Not there, or damaged: then it is not known what was missing, and what comes is live.
    return {};
  }
}
