/** Whether a figure grows with the time that it is told of, as kWh and hours do, and ratios and peaks do not. */
import { elementSpec } from './elements.ts';
import type { KpiDefinition } from './kpi.ts';
import type { KpiParameters } from './parameters.ts';
import type { Elements } from './result.ts';

/** Twice of everything is twice the figure, and no maximum is in it. */
export function addsUp(definition: KpiDefinition, elements: Elements, parameters?: KpiParameters): boolean {
  const names = [...definition.needs, ...definition.uses];
  if (names.some((name) => elementSpec(name)?.merge === 'max')) return false;
  const twice = Object.fromEntries(Object.entries(elements).map(([name, amount]) => [name, 2 * amount]));
  const [one, two] = [elements, twice].map((all) => definition.compute(all, parameters).value);
  return one != null && two != null && one !== 0 && Math.abs(two / one - 2) < 1e-9;
}
