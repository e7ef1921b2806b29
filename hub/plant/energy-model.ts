/** The energy part of the plant model, from the plant file: full paths, times in µs UTC, everything dated. */
import type { TimeUs } from '../../protocols/sample.ts';
import type { BaselineModel } from '../kpi/baseline-model.ts';
import type { Billing } from '../kpi/parameters.ts';
import { billingOf } from './contract-billing.ts';
import { instantOf, type Validity, validityOf } from './dates.ts';
import type { PlantConfig } from './schema.ts';
import type { Name } from './schema-parts.ts';

type Config<Part extends 'tariffs' | 'contracts' | 'limits' | 'events' | 'baselines' | 'factors'> =
  PlantConfig[Part][number];

export type Tariff = Validity &
  Pick<Config<'tariffs'>, 'code' | 'name' | 'source' | 'bands' | 'prices'> & {
    /** undefined is every electricity meter. */
    readonly meters: readonly string[] | undefined;
  };
export type SupplyContract = Validity &
  Pick<Config<'contracts'>, 'meter' | 'demandKw' | 'powerFactorLimit' | 'source'> & {
    /** undefined: nothing says what demand costs. */
    readonly billing: Billing | undefined;
  };
/** In kW, at times of day on days of its validity. */
export type PowerLimit = Validity &
  Pick<Config<'limits'>, 'code' | 'meter' | 'start' | 'end' | 'weekdays' | 'tolerance' | 'source'> & {
    readonly limitKw: number;
  };
export interface CurtailmentEvent extends Validity {
  readonly code: string;
  readonly name: Name;
  readonly meter: string;
  readonly requestKw: number | undefined;
  readonly baseline: Omit<Config<'events'>['baseline'], 'reference'> & {
    /** An undisturbed time whose days are taken where too few others are eligible. */
    readonly reference: { readonly from: TimeUs; readonly to: TimeUs } | undefined;
  };
}
export type EnergyBaseline = Validity &
  Pick<Config<'baselines'>, 'meter' | 'author' | 'approver'> & {
    readonly model: BaselineModel;
    readonly reference: { readonly from: TimeUs; readonly to: TimeUs };
  };
export type Factor = Validity & Omit<Config<'factors'>, 'from' | 'to'>;

export interface EnergyModel {
  readonly tariffs: readonly Tariff[];
  readonly contracts: readonly SupplyContract[];
  readonly limits: readonly PowerLimit[];
  readonly events: readonly CurtailmentEvent[];
  readonly baselines: readonly EnergyBaseline[];
  readonly factors: readonly Factor[];
}

function modelOf({
  code,
  version,
  kind,
  energy,
  per,
  intercept,
  terms,
  range,
  fit,
  limits,
}: Config<'baselines'>): BaselineModel {
  return {
    ...{ id: code, version, kind, energy, period: per, intercept, range },
    terms: terms.map(({ variable, coefficient, above, below }) => ({
      ...{ variable, coefficient },
      ...(above !== undefined && { above }),
      ...(below !== undefined && { below }),
    })),
    ...(fit && { fit }),
    ...(limits && { limits }),
  };
}

export function buildEnergy(config: PlantConfig): EnergyModel {
  const { site, zone } = config;
  const full = (path: string): string => `${site}/${path}`;
  const dated = <T extends { from?: string | undefined; to?: string | undefined; meter: string }>(entry: T) => ({
    ...entry,
    meter: full(entry.meter),
    ...validityOf(zone, entry),
  });
  return {
    tariffs: config.tariffs.map((tariff) => ({
      ...tariff,
      ...validityOf(zone, tariff),
      meters: tariff.meters?.map(full),
    })),
    contracts: config.contracts.map((contract) => ({ ...dated(contract), billing: billingOf(contract) })),
    limits: config.limits.map(({ referenceKw, percent, ...limit }) => ({
      ...dated(limit),
      limitKw: (referenceKw * percent) / 100,
    })),
    events: config.events.map(({ requestKw, baseline: { reference, ...rules }, ...event }) => ({
      ...dated(event),
      requestKw,
      baseline: {
        ...rules,
        reference: reference && { from: instantOf(zone, reference.from), to: instantOf(zone, reference.to) },
      },
    })),
    baselines: config.baselines.map((baseline) => {
      const { author, approver, reference } = baseline;
      const { meter, from, to } = dated(baseline);
      const span = { from: instantOf(zone, reference.from), to: instantOf(zone, reference.to) };
      return { meter, from, to, author, approver, reference: span, model: modelOf(baseline) };
    }),
    factors: config.factors.map((factor) => ({ ...factor, ...validityOf(zone, factor) })),
  };
}
