/** What a supply contract charges beside energy: its own formulas, or the usual ones of floor and price. */
import { checkBilling } from '../kpi/billing.ts';
import type { Billing } from '../kpi/parameters.ts';
import type { PlantIssue } from './check-parts.ts';
import type { PlantConfig } from './schema.ts';

type ContractConfig = Pick<PlantConfig['contracts'][number], 'billedFloor' | 'demandPrice' | 'formulas'>;

/** undefined: neither a price nor a formula says what demand costs. */
export function billingOf({ billedFloor, demandPrice, formulas }: ContractConfig): Billing | undefined {
  const { billedDemandKw, reactiveIrr, constants } = formulas;
  const demandIrr = formulas.demandIrr ?? (demandPrice === undefined ? undefined : 'billed_demand_kW * demand_price');
  if (demandIrr === undefined) return undefined;
  return {
    billedDemandKw: billedDemandKw ?? 'max(P_max_kW, billed_floor * contract_kW)',
    demandIrr,
    ...(reactiveIrr !== undefined && { reactiveIrr }),
    constants: {
      billed_floor: billedFloor,
      ...(demandPrice !== undefined && { demand_price: demandPrice }),
      ...constants,
    },
  };
}

export function checkContract(contract: ContractConfig, path: readonly (string | number)[]): PlantIssue[] {
  const billing = billingOf(contract);
  const { billedDemandKw, reactiveIrr } = contract.formulas;
  if (!billing) {
    if (billedDemandKw === undefined && reactiveIrr === undefined) return [];
    const message = {
      en: 'nothing says what demand costs; add demandPrice or demandIrr',
      fa: 'بهای دیماند معلوم نیست؛ demandPrice یا demandIrr را بیفزایید',
    };
    return [{ path: [...path, 'formulas'], message }];
  }
  return checkBilling(billing).map(({ formula, message }) => ({ path: [...path, 'formulas', formula], message }));
}
