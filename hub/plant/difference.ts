/** What one plant model says that another does not, in words: a line for each value that differs. */
import type { PlantConfig } from './schema.ts';

/** `products.bolt.rates.machining/line-1/cnc-1.plannedRunTimeS: 24 becomes 30`; of no model before, that it is new. */
export function difference(before: PlantConfig | undefined, after: PlantConfig): string[] {
  if (!before) return [`${after.site} is a new site`];
  return between(before, after, '');
}

function between(before: unknown, after: unknown, where: string): string[] {
  if (before === undefined) return [`${where}: ${told(after)} is added`];
  if (after === undefined) return [`${where}: ${told(before)} is removed`];
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) {
    return before === after ? [] : [`${where}: ${told(before)} becomes ${told(after)}`];
  }
  const [old, fresh] = [members(before), members(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((key) =>
    between(old.get(key), fresh.get(key), where === '' ? key : `${where}.${key}`),
  );
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** By key; an entry of a list goes by its name, so that one put in between changes no other. */
function members(value: object): Map<string, unknown> {
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const found = new Map<string, unknown>();
  for (const entry of value) {
    const name = nameOf(entry);
    let key = name;
    for (let i = 2; found.has(key); i++) key = `${name} (${i})`;
    found.set(key, entry);
  }
  return found;
}

/** What an entry is known by: its code or path; else what it is about, and since when. */
function nameOf(entry: unknown): string {
  if (!isObject(entry)) return String(entry);
  const { code, path, kpi, asset, unit, meter, carrier, band, date, from, start } = entry as Record<string, unknown>;
  const names =
    code !== undefined || path !== undefined ? [code ?? path] : [kpi, asset ?? unit ?? meter, carrier, band];
  const parts = [...names, date ?? from ?? (band === undefined ? undefined : start)].filter(
    (part) => part !== undefined,
  );
  return parts.join(' ') || '1';
}

const longest = 160;

function told(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
