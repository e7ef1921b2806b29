/** References, planned works and assessments of a plant: full paths, times in µs UTC. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Assessment, DeclaredFigure } from '../kpi/parameters.ts';
import { instantOf, type Validity, validityOf } from './dates.ts';
import type { PlantConfig } from './schema.ts';
import type { Name } from './schema-parts.ts';
import type { Spans } from './spans.ts';
import { union } from './spans.ts';

export interface Pilot extends Validity {
  /** Days that begin in it are those before. */
  readonly baseline: Validity | undefined;
  readonly declared: readonly (DeclaredFigure & { readonly kpi: string; readonly asset: string })[];
  /** Ascending. */
  readonly staticChanges: readonly { readonly at: TimeUs; readonly what: Name }[];
}

export interface References {
  readonly peakReferences: readonly (Validity & { meter: string; share: number; source: string })[];
  readonly outputReferences: readonly (Validity & { unit: string; effectiveness: number; quality: number })[];
  readonly weather: PlantConfig['weather'];
  readonly plannedWorks: Spans;
  /** Ascending by `at`. */
  readonly assessments: readonly (Assessment & { readonly at: TimeUs })[];
  readonly pilot: Pilot | undefined;
}

export function buildReferences(config: PlantConfig): References {
  const { site, zone, weather } = config;
  const full = (path: string): string => `${site}/${path}`;
  return {
    peakReferences: config.peakReferences.map(({ meter, share, source, ...valid }) => ({
      ...{ meter: full(meter), share, source },
      ...validityOf(zone, valid),
    })),
    outputReferences: config.outputReferences.map(({ unit, effectiveness, quality, ...valid }) => ({
      ...{ unit: full(unit), effectiveness, quality },
      ...validityOf(zone, valid),
    })),
    weather: weather && { ...weather, temperature: full(weather.temperature) },
    plannedWorks: union(
      config.plannedWorks.map(({ from, to }) => ({ start: instantOf(zone, from), end: instantOf(zone, to) })),
    ),
    assessments: config.assessments
      .map((assessment) => ({ ...assessment, at: instantOf(zone, assessment.date) }))
      .sort((a, b) => a.at - b.at),
    pilot: config.pilot && buildPilot(config, config.pilot),
  };
}

function buildPilot({ site, zone }: PlantConfig, pilot: NonNullable<PlantConfig['pilot']>): Pilot {
  const { baseline, declared, staticChanges, ...valid } = pilot;
  return {
    ...validityOf(zone, valid),
    baseline: baseline && validityOf(zone, baseline),
    declared: declared.map(({ asset, ...one }) => ({ ...one, asset: asset === undefined ? site : `${site}/${asset}` })),
    staticChanges: staticChanges
      .map(({ date, what }) => ({ at: instantOf(zone, date), what }))
      .sort((a, b) => a.at - b.at),
  };
}
