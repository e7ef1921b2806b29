/** How elements are merged: cells to buckets, children to parents, groups of one asset to one record (R4). */
import type { ElementGroup, ElementSpec } from './element.ts';
import { type ElementName, elementTable } from './element-table.ts';
import type { Elements } from './result.ts';

const specs: ReadonlyMap<string, ElementSpec> = new Map(Object.entries(elementTable));

/** Maxima by name, with the name of the element that says when. All other elements but those are sums. */
export const maxima: ReadonlyMap<string, string> = new Map(
  [...specs].flatMap(([name, { at }]) => (at === undefined ? [] : [[name, at]])),
);
const companions = new Set(maxima.values());

/** What a name means; undefined is a name that the table has not. A member of a family (`latency_b17`) is as the family. */
export function elementSpec(name: string): ElementSpec | undefined {
  return specs.get(name) ?? (/^latency_b\d+$/.test(name) ? elementTable.latency_b : undefined);
}

/** Names of a group, in the order of the table. */
export const elementsOf = (group: ElementGroup): ElementName[] =>
  (Object.keys(elementTable) as ElementName[]).filter((name) => elementSpec(name)!.groups.includes(group));

/**
 * Sums add up, a maximum takes its time with it (the earlier one of two that are equal). What no part has, the whole
 * has not. The order of parts matters only to the last digits of sums of fractions.
 * @param over `time`: neighbouring spans of one asset, or its groups. `assets`: side by side in one span; what says
 *   nothing of the whole there is left out.
 */
export function mergeElements(parts: Iterable<Elements>, over: 'time' | 'assets'): Elements {
  const whole: Record<string, number> = {};
  for (const part of parts) {
    for (const name in part) {
      const at = maxima.get(name);
      if (over === 'assets' && elementSpec(name)?.over === 'time') continue;
      if (at !== undefined) mergeMaximum(whole, part, name, at);
      else if (!companions.has(name)) whole[name] = (whole[name] ?? 0) + part[name]!;
    }
  }
  return whole;
}

function mergeMaximum(whole: Record<string, number>, part: Elements, name: string, at: string): void {
  const [old, value] = [whole[name], part[name]!];
  const [oldAt = Number.POSITIVE_INFINITY, time = Number.POSITIVE_INFINITY] = [whole[at], part[at]];
  if (old !== undefined && (value < old || (value === old && time >= oldAt))) return;
  whole[name] = value;
  if (time === Number.POSITIVE_INFINITY) delete whole[at];
  else whole[at] = time;
}
