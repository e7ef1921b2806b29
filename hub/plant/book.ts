/**
 * The plant models in force, which may change while the hub runs: whoever computes asks for them each time. A file that
 * hub.yaml names is applied at start when its content is new, so that what came later through the API stays.
 */
import { ConfigError, RejectedError } from '../../protocols/errors.ts';
import type { TimeUs } from '../../protocols/sample.ts';
import { changedSpans } from './changed-spans.ts';
import { difference } from './difference.ts';
import { buildPlant, type Plant } from './plant.ts';
import type { PlantConfig } from './schema.ts';
import type { Spans } from './spans.ts';
import { contentHash, type PlantVersion, type PlantVersions } from './versions.ts';

/** @throws {ConfigError} with the place in the text of every mistake; `file` only names it. */
export type ReadPlant = (content: string, file: string) => PlantConfig;

export interface PlantFile {
  readonly file: string;
  readonly content: string;
}

/** A model as it would be applied. */
export interface Checked {
  readonly config: PlantConfig;
  readonly plant: Plant;
  /** In words, against the model in force. */
  readonly changes: readonly string[];
  /** Time that must be computed anew. */
  readonly anew: Spans | 'everything';
}

export interface PlantBook {
  plants(): readonly Plant[];
  plant(site: string): Plant | undefined;
  /** Those that were in force at a time, as they were applied; a site that had none yet has none. */
  plantsAt(time: TimeUs): readonly Plant[];
  /** The version in force. */
  version(site: string): PlantVersion | undefined;
  /** Every version that this program can still read, the oldest first. */
  history(site: string): readonly InForce[];
  /** @throws {ConfigError} as `ReadPlant` @throws {RejectedError} `site`: it lies inside another, or around one. */
  check(file: PlantFile): Checked;
  /** The same content again changes nothing. @throws as `check`: the model in force stays. */
  apply(file: PlantFile, by: { readonly author: string; readonly why: string }): Checked & { version: PlantVersion };
}

export interface PlantBookOptions {
  readonly versions: PlantVersions;
  readonly read: ReadPlant;
  /** Those that hub.yaml names. */
  readonly files: readonly PlantFile[];
  /** Told after a model of a known site was applied. */
  onChange(change: { before: Plant; after: Plant; anew: Checked['anew'] }): void;
}

const authorOfFiles = 'file';

export interface InForce {
  readonly version: PlantVersion;
  readonly config: PlantConfig;
  readonly plant: Plant;
}

/** @throws {ConfigError} a file, or a version that was kept, is no plant. */
export function openPlantBook({ versions, read, files, onChange }: PlantBookOptions): PlantBook {
  const inForce = new Map<string, InForce>();
  let plants: readonly Plant[] = [];

  const check = ({ file, content }: PlantFile): Checked => {
    const config = read(content, file);
    const { site } = config;
    const other = [...inForce.keys()].find((path) => path.startsWith(`${site}/`) || site.startsWith(`${path}/`));
    if (other !== undefined) {
      throw new RejectedError(
        `the site "${site}" and the site "${other}" lie in one another; give it a path of its own`,
        {
          reason: 'site',
        },
      );
    }
    const before = inForce.get(site)?.config;
    return {
      config,
      plant: buildPlant(config),
      changes: difference(before, config),
      anew: before ? changedSpans(before, config) : 'everything',
    };
  };

  const hold = (version: PlantVersion, { config, plant }: Pick<InForce, 'config' | 'plant'>) => {
    inForce.set(version.site, { version, config, plant });
    plants = [...inForce.values()].map((one) => one.plant);
  };

  const apply: PlantBook['apply'] = (file, { author, why }) => {
    const checked = check(file);
    const { site } = checked.config;
    const before = inForce.get(site);
    if (before?.version.content === file.content) return { ...checked, version: before.version };
    const version = versions.keep({ site, author, why, content: file.content });
    hold(version, checked);
    if (before) onChange({ before: before.plant, after: checked.plant, anew: checked.anew });
    return { ...checked, version };
  };

  const readFiles = files.map((file) => ({ ...file, config: read(file.content, file.file) }));
  for (const [index, { file, config }] of readFiles.entries()) {
    const other = readFiles.slice(0, index).find((one) => one.config.site === config.site);
    if (!other) continue;
    const hint = 'A site has one file: remove the other from "plants" in hub.yaml.';
    throw new ConfigError(`the site "${config.site}" is in ${other.file} as well`, { path: file, hint });
  }
  /** It says something else than when it was last applied from there. */
  const isNew = ({ content, config }: (typeof readFiles)[number]): boolean => {
    const last = versions.list(config.site).find(({ author }) => author === authorOfFiles);
    return last?.hash !== contentHash(content);
  };
  for (const version of versions.newest()) {
    const { site, number, author, content } = version;
    const file = readFiles.find(({ config }) => config.site === site);
    // Who declares sites in hub.yaml takes them away there.
    if (author === authorOfFiles && !file) continue;
    try {
      const config = read(content, `version ${number} of ${site}`);
      hold(version, { config, plant: buildPlant(config) });
    } catch (error) {
      // A new file replaces what an older program has accepted and this one does not.
      if (!(error instanceof ConfigError && file && isNew(file))) throw error;
    }
  }
  for (const file of readFiles.filter(isNew)) {
    apply(file, { author: authorOfFiles, why: `named by hub.yaml: ${file.file}` });
  }

  const kept = new Map<string, InForce | undefined>();
  const readKept = (version: PlantVersion): InForce | undefined => {
    const key = `${version.site} ${version.number}`;
    if (kept.has(key)) return kept.get(key);
    let found: InForce | undefined;
    try {
      const config = read(version.content, `version ${version.number} of ${version.site}`);
      found = { version, config, plant: buildPlant(config) };
    } catch (error) {
      // An older program has accepted it and this one does not.
      if (!(error instanceof ConfigError)) throw error;
    }
    kept.set(key, found);
    return found;
  };

  const history = (site: string): InForce[] =>
    versions
      .list(site)
      .reverse()
      .flatMap((version) => readKept(version) ?? []);

  return {
    history,
    plants: () => plants,
    plantsAt: (time) =>
      [...inForce.keys()].flatMap(
        (site) => history(site).findLast(({ version }) => version.appliedAt <= time)?.plant ?? [],
      ),
    plant: (site) => inForce.get(site)?.plant,
    version: (site) => inForce.get(site)?.version,
    check,
    apply,
  };
}
