/** Whether assets, products, orders and reasons agree with each other. */
import { namesOf } from '../words.ts';
import { needsMode } from './canonical-state.ts';
import {
  assetPaths,
  checkKnown,
  checkOrder,
  checkOverlaps,
  isThereTwice,
  oneAtATime,
  overlaps,
  type PlantIssue,
} from './check-parts.ts';
import type { PlantConfig } from './schema.ts';

export function checkAssets(config: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const seen = new Set<string>();
  const claim = (assetPath: string, path: (string | number)[]) => {
    if (seen.has(assetPath)) issues.push({ path, message: isThereTwice(assetPath) });
    seen.add(assetPath);
  };
  for (const [areaIndex, area] of config.areas.entries()) {
    const areaAt = ['areas', areaIndex];
    claim(area.code, [...areaAt, 'code']);
    for (const [lineIndex, line] of area.lines.entries()) {
      const lineAt = [...areaAt, 'lines', lineIndex];
      claim(`${area.code}/${line.code}`, [...lineAt, 'code']);
      for (const [unitIndex, unit] of line.units.entries()) {
        const unitAt = [...lineAt, 'units', unitIndex];
        claim(`${area.code}/${line.code}/${unit.code}`, [...unitAt, 'code']);
        const map = config.stateMaps[unit.stateMap];
        if (!map) {
          const known = namesOf(Object.keys(config.stateMaps));
          const message = {
            en: `"${unit.stateMap}" is no state map; known: ${known.en}`,
            fa: `«${unit.stateMap}» نگاشت وضعیت نیست؛ موجود: ${known.fa}`,
          };
          issues.push({ path: [...unitAt, 'stateMap'], message });
        } else if (unit.tags.mode && !needsMode(map)) {
          const message = {
            en: `the state map "${unit.stateMap}" has no modes; remove the tag or add modes`,
            fa: `نگاشت وضعیت «${unit.stateMap}» حالت (mode) ندارد؛ برچسب را بردارید یا حالت‌ها را بیفزایید`,
          };
          issues.push({ path: [...unitAt, 'tags', 'mode'], message });
        }
      }
    }
  }
  for (const [index, meter] of config.meters.entries()) claim(meter.path, ['meters', index, 'path']);
  return issues;
}

export function checkProducts(config: PlantConfig): PlantIssue[] {
  const issues: PlantIssue[] = [];
  const { units } = assetPaths(config);
  const taken: { unit: string; from?: string | undefined; to?: string | undefined; product: string }[] = [];
  for (const [productIndex, product] of config.products.entries()) {
    for (const [rateIndex, rate] of product.rates.entries()) {
      const path = ['products', productIndex, 'rates', rateIndex];
      issues.push(...checkKnown(rate.unit, units, 'unit', [...path, 'unit']));
      issues.push(...checkOrder(rate, path));
      const other = taken.find((one) => one.unit === rate.unit && one.product === product.code && overlaps(one, rate));
      if (other) {
        const of = `"${other.product}" on ${rate.unit}`;
        const message = oneAtATime(`another rate of ${of}`, `نرخ دیگری از «${other.product}» در ${rate.unit}`);
        issues.push({ path, message });
      }
      taken.push({ ...rate, product: product.code });
    }
  }
  return issues;
}

export function checkOrders(config: PlantConfig): PlantIssue[] {
  const { orders, products } = config;
  const { units } = assetPaths(config);
  const codes = products.map(({ code }) => code);
  const issues = orders.flatMap((order, index) => {
    const path = ['orders', index];
    return [
      ...checkKnown(order.unit, units, 'unit', [...path, 'unit']),
      ...(order.product === undefined ? [] : checkKnown(order.product, codes, 'product', [...path, 'product'])),
      ...checkOrder(order, path),
      ...(order.planned ? checkOrder(order.planned, [...path, 'planned']) : []),
    ];
  });
  const overlapping = checkOverlaps(
    orders,
    ['orders'],
    (a, b) => a.unit === b.unit,
    ({ code, from }) => ({
      en: `overlaps the order ${code ?? `from ${from}`} at the same unit; a unit has one order at a time`,
      fa: `با سفارش ${code ?? `از ${from}`} در همین واحد هم‌پوشانی دارد؛ هر واحد در هر زمان یک سفارش دارد`,
    }),
  );
  return [...issues, ...overlapping];
}

const isItself = { en: 'is the reason itself; name another, or none', fa: 'خودِ همین علت است؛ علت دیگری بدهید یا هیچ' };

export function checkReasons({ reasons }: PlantConfig): PlantIssue[] {
  const codes = reasons.map(({ code }) => code);
  return reasons.flatMap(({ code, parent }, index) => {
    const path = ['reasons', index];
    if (codes.indexOf(code) < index) {
      return [{ path: [...path, 'code'], message: isThereTwice(`"${code}"`) }];
    }
    if (parent === undefined) return [];
    if (parent === code) return [{ path: [...path, 'parent'], message: isItself }];
    return checkKnown(parent, codes.slice(0, index), 'reason above it', [...path, 'parent']);
  });
}
