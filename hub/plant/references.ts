/** References, planned works and assessments of a plant: full paths, times in µs UTC. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { Assessment } from '../kpi/parameters.ts';
import { instantOf, type Validity, validityOf } from './dates.ts';
import type { PlantConfig } from './schema.ts';
import type { Spans } from './spans.ts';
import { union } from './spans.ts';

export interface References {
  readonly peakReferences: readonly (Validity & { meter: string; share: number; source: string })[];
  readonly outputReferences: readonly (Validity & { unit: string; effectiveness: number; quality: number })[];
  readonly weather: PlantConfig['weather'];
  readonly plannedWorks: Spans;
  /** Ascending by `at`. */
  readonly assessments: readonly (Assessment & { readonly at: TimeUs })[];
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
  };
}
