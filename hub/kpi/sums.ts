/**
 * Elements while they are being added up: durations in whole µs under names ending in `_us`, so that adding them in
 * any order is exact; they become seconds only when they leave as a KPI's elements.
 */
export type Sums = Record<string, number>;

export function addTo(sums: Sums, name: string, amount: number): void {
  sums[name] = (sums[name] ?? 0) + amount;
}

export function addAll(sums: Sums, others: Readonly<Record<string, number>>): void {
  for (const name in others) addTo(sums, name, others[name]!);
}

/**
 * `APT_us` 1500000 becomes `APT_s` 1.5; other names stay, and so do instants, whose names end in `_at_us`.
 * @param without names that do not leave.
 * @param only elements that are wanted; absent is all.
 */
export function toElements(
  sums: Readonly<Sums>,
  without: ReadonlySet<string> = none,
  only?: ReadonlySet<string>,
): Record<string, number> {
  const elements: Record<string, number> = {};
  for (const name in sums) {
    if (without.has(name)) continue;
    const told = toldName(name);
    if (only && !only.has(told)) continue;
    elements[told] = told === name ? sums[name]! : sums[name]! / 1e6;
  }
  return elements;
}

const none: ReadonlySet<string> = new Set();

/** Every bucket that is read names the same few again. */
const toldNames = new Map<string, string>();

export function toldName(name: string): string {
  const known = toldNames.get(name);
  if (known !== undefined) return known;
  const told = name.endsWith('_us') && !name.endsWith('_at_us') ? `${name.slice(0, -3)}_s` : name;
  toldNames.set(name, told);
  return told;
}
