/** A meter of the plant model. Meters are a tree of their own: what measures is not where it is. */
import type { PlantConfig } from './schema.ts';
import type { Carrier } from './schema-energy.ts';
import type { Name } from './schema-parts.ts';
import { minuteUs } from './zone.ts';

export interface Meter {
  readonly path: string;
  readonly name: Name;
  readonly carrier: Carrier;
  readonly role: 'main' | 'sub' | 'generation' | 'export';
  readonly subscription: string | undefined;
  /** What its scaled register counts. */
  readonly unit: string;
  readonly register: string | undefined;
  readonly power: string | undefined;
  readonly reactive: string | undefined;
  readonly reactiveLead: string | undefined;
  readonly demandIntervalUs: number;
  readonly demandStepUs: number;
  readonly parent: string | undefined;
  /** Share of its energy that is lost before the meters below. */
  readonly lossShare: number;
  /** undefined: nothing tells interruptions. */
  readonly supply: { readonly tag: string; readonly below: number } | undefined;
  readonly closureLimit: number | undefined;
  /** Paths of the assets that it measures. */
  readonly measures: readonly string[];
}

export function buildMeter(meter: PlantConfig['meters'][number], site: string): Meter {
  const { path, carrier, tags, parent } = meter;
  const full = (below: string): string => `${site}/${below}`;
  const optional = (tag: string | undefined) => (tag === undefined ? undefined : full(tag));
  const isElectric = carrier === 'electricity';
  return {
    path: full(path),
    name: meter.name,
    carrier,
    role: meter.role ?? (parent === undefined ? 'main' : 'sub'),
    subscription: meter.subscription,
    unit: meter.unit ?? (isElectric ? 'kWh' : 'm³'),
    register: tags.register === false ? undefined : full(tags.register ?? `${path}/${isElectric ? 'kwh' : 'pulses'}`),
    power: tags.power === false ? undefined : optional(tags.power ?? (isElectric ? `${path}/power` : undefined)),
    reactive: optional(tags.reactive),
    reactiveLead: optional(tags.reactiveLead),
    demandIntervalUs: meter.demandIntervalMin * minuteUs,
    demandStepUs: meter.demandStepMin * minuteUs,
    parent: optional(parent),
    lossShare: meter.lossShare,
    supply: meter.supply && { ...meter.supply, tag: full(meter.supply.tag) },
    closureLimit: meter.closureLimit,
    measures: meter.measures.length > 0 ? meter.measures.map(full) : [site],
  };
}
