/**
 * What a supply contract charges beside energy, by formulas that are configuration: rates and rules change by decree.
 * Names of a formula: `P_max_kW`, `contract_kW`, `kWh`, `kWh_peak`, `kWh_mid`, `kWh_low`, `kvarh`, `pf`, `energy_IRR`,
 * after the first formula `billed_demand_kW`, and the constants of the tariff.
 */
import { parseExpression } from './expression.ts';
import type { Billing } from './parameters.ts';
import type { Elements } from './result.ts';

const measuredNames = ['P_max_kW', 'contract_kW', 'kWh', 'kWh_peak', 'kWh_mid', 'kWh_low', 'kvarh', 'pf', 'energy_IRR'];

export interface Billed {
  readonly billedDemandKw: number;
  readonly demandIrr: number;
  readonly reactiveIrr: number;
}

export interface BillingIssue {
  readonly formula: 'billedDemandKw' | 'demandIrr' | 'reactiveIrr';
  /** Ends with what to do. */
  readonly message: { readonly en: string; readonly fa: string };
}

const unreadable = (error: string): BillingIssue['message'] => ({
  en: `${error}; write it with + - * / ( ) min max abs sqrt`,
  fa: `فرمول خوانا نیست (${error})؛ آن را با + - * / ( ) min max abs sqrt بنویسید`,
});

/** What is wrong with the formulas of a tariff; empty is nothing. For the check of a plant model. */
export function checkBilling({ billedDemandKw, demandIrr, reactiveIrr, constants }: Billing): BillingIssue[] {
  const names = [...measuredNames, ...Object.keys(constants)];
  const check = (
    formula: BillingIssue['formula'],
    text: string | undefined,
    known: readonly string[],
  ): BillingIssue[] => {
    if (text === undefined) return [];
    const parsed = parseExpression(text);
    if ('error' in parsed) return [{ formula, message: unreadable(parsed.error) }];
    return parsed.names
      .filter((name) => !known.includes(name))
      .map((name) => ({
        formula,
        message: {
          en: `there is no ${name}; known: ${known.join(', ')}`,
          fa: `${name} وجود ندارد؛ موجود: ${known.join('، ')}`,
        },
      }));
  };
  return [
    ...check('billedDemandKw', billedDemandKw, names),
    ...check('demandIrr', demandIrr, [...names, 'billed_demand_kW']),
    ...check('reactiveIrr', reactiveIrr, [...names, 'billed_demand_kW']),
  ];
}

/** A flag instead where a formula cannot be read (`BILLING_INVALID`) or lacks a number (`BILLING_INCOMPLETE`). */
export function billedIrr(
  billing: Billing,
  elements: Elements,
  contractKw: number | undefined,
): Billed | 'BILLING_INVALID' | 'BILLING_INCOMPLETE' {
  if (checkBilling(billing).length > 0) return 'BILLING_INVALID';
  const { cost_energy_IRR, kWh_reactive, ...measured } = elements;
  const values: Record<string, number | undefined> = {
    ...billing.constants,
    ...measured,
    contract_kW: contractKw,
    energy_IRR: cost_energy_IRR,
    pf: powerFactorOf(kWh_reactive, elements.kvarh),
  };
  const evaluate = (text: string): number | undefined => {
    const parsed = parseExpression(text);
    return 'error' in parsed ? undefined : parsed.evaluate((name) => values[name]);
  };
  const billedDemandKw = evaluate(billing.billedDemandKw);
  values.billed_demand_kW = billedDemandKw;
  const demandIrr = evaluate(billing.demandIrr);
  const reactiveIrr = billing.reactiveIrr === undefined ? 0 : evaluate(billing.reactiveIrr);
  if (billedDemandKw === undefined || demandIrr === undefined || reactiveIrr === undefined) return 'BILLING_INCOMPLETE';
  return { billedDemandKw, demandIrr, reactiveIrr };
}

const powerFactorOf = (kWh: number | undefined, kvarh: number | undefined): number | undefined =>
  kWh === undefined || kvarh === undefined || kWh === 0 ? undefined : kWh / Math.hypot(kWh, kvarh);
